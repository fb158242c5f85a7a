"""The layout of FLEURS: one folder per language with train.tsv, dev.tsv and test.tsv, which have no header, and audio/.

https://huggingface.co/datasets/google/fleurs. Nobody says who speaks; the sentence is the group, in all languages.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline import names, params
from pipeline.corpus import speakers
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import escaped, folders_of, is_file, is_folder
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import CorpusError

SPLITS = {"train": "train", "dev": "val", "test": "test"}
CELLS = 7  # sentence, file, two transcriptions, characters, samples, gender
REMEDY = "unpack the release again"


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    found = next(_parts(root), None)
    return f"{escaped(found[0])}/ holds {found[1]}.tsv and audio/{found[1]}/" if found else None


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the recordings of every language and split."""
    collector = Collector(root, corpus)
    speaker_of = speakers.lookup_if_any(corpus, collector)
    parts = list(_parts(root))
    if not parts:
        raise CorpusError(f"no folder in {escaped(str(root))} holds train.tsv and audio/train/; {REMEDY}")
    for folder, split in parts:
        listed = f"{folder}/{split}.tsv"
        name = escaped(str(root / listed))
        language = collector.languages.find(folder)
        table = Table(root / listed, name, REMEDY, collector.bad(listed), tabs=True, width=CELLS)
        for line, cells in table.lines():
            if not table.reaches(CELLS - 1, line, cells):
                continue
            if language is None:
                collector.skipped[escaped(folder)] += 1
                continue
            path = f"{folder}/audio/{split}/{cells[1].strip()}"
            extra = {"split": SPLITS[split], "gender": names.line(cells[6]).lower()}
            collector.add(path, language, speaker_of(path), where=f"{name} line {line}", group=cells[0], extra=extra)
    return collector.listing()


def _parts(root: Path) -> Iterator[tuple[str, str]]:
    """Folder and split of every table."""
    for folder in folders_of(root):
        for split in SPLITS:
            if is_file(root / folder / f"{split}.tsv") and is_folder(root / folder / "audio" / split):
                yield folder, split
