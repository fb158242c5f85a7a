"""The layout of FLEURS: one folder per language with train.tsv, dev.tsv and test.tsv, which have no header, and audio/.

https://huggingface.co/datasets/google/fleurs. Nobody says who speaks; the sentence is the group, in all languages.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline import names
from pipeline.corpus.collector import Collector
from pipeline.corpus.paths import escaped, folders_of, is_file, is_folder

SPLITS = {"train": "train", "dev": "val", "test": "test"}
COLUMNS = ("sentence", "path", "transcription", "normalised", "characters", "samples", "gender")
REMEDY = "unpack the release again"


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    found = next(_parts(root), None)
    return f"{escaped(found[0])}/ holds {found[1]}.tsv and audio/{found[1]}/" if found else None


def read(collector: Collector) -> None:
    """List the recordings of every language and split."""
    collector.global_groups = True
    for folder, split in _parts(collector.root):
        table = collector.table(f"{folder}/{split}.tsv", REMEDY, style="tabs", header=COLUMNS)
        for line, row in table.rows(COLUMNS):
            collector.add(
                f"{folder}/audio/{split}/{row['path'].strip()}",
                folder,
                where=f"{table.name} line {line}",
                group=row["sentence"],
                columns={"split": SPLITS[split], "gender": names.line(row["gender"]).lower()},
            )


def _parts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield folder and split of every table."""
    for folder in folders_of(root):
        for split in SPLITS:
            if is_file(root / folder / f"{split}.tsv") and is_folder(root / folder / "audio" / split):
                yield folder, split
