"""The layout of Mozilla Common Voice: validated.tsv and its siblings beside clips/, one folder per language.

https://commonvoice.mozilla.org. client_id is the speaker; train.tsv, dev.tsv and test.tsv give the official split.
"""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline import names, params
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import escaped, folders_of, is_file, is_folder
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import CorpusError

VALIDATED, CLIPS = "validated.tsv", "clips"
SPLITS = {"train.tsv": "train", "dev.tsv": "val", "test.tsv": "test"}
COPIED = ("age", "gender", "accents", "variant")  # columns; those before release 8 wrote accent
REQUIRED = ("client_id", "path")
REMEDY = "unpack the release again"


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    found = next(_parts(root), None)
    return f"{found[0] or 'it'} holds {VALIDATED} and {CLIPS}/" if found else None


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the validated clips of every language."""
    collector = Collector(root, corpus, "the column client_id")
    parts = list(_parts(root))
    if not parts:
        raise CorpusError(f"no folder in {escaped(str(root))} holds {VALIDATED} and {CLIPS}/; {REMEDY}")
    for folder, locale in parts:
        splits = _splits(root, folder, collector)
        name = escaped(str(root / folder / VALIDATED))
        for line, row in _table(root, posixpath.join(folder, VALIDATED), collector).rows(REQUIRED):
            if language := collector.language(row.get("locale", "").strip() or locale):
                clip = row["path"].strip()
                clip = clip if "." in clip else f"{clip}.mp3"  # of the first releases
                collector.add(
                    f"{folder}/{CLIPS}/{clip}" if folder else f"{CLIPS}/{clip}",
                    language,
                    row["client_id"],
                    where=f"{name} line {line}",
                    extra=_extra(row) | {"split": splits.get(names.normal(clip), "")},
                )
    return collector.listing()


def _parts(root: Path) -> Iterator[tuple[str, str]]:
    """Folder, relative to the root, and locale of each language: the folders in the root, or the root itself."""
    for folder, locale in [("", root.resolve().name), *((name, name) for name in folders_of(root))]:
        if is_file(root / folder / VALIDATED) and is_folder(root / folder / CLIPS):
            yield folder, locale


def _table(root: Path, name: str, collector: Collector) -> Table:
    return Table(root / name, escaped(str(root / name)), REMEDY, collector.bad(name), tabs=True)


def _splits(root: Path, folder: str, collector: Collector) -> dict[str, str]:
    """The official split of each clip; empty unless all three tables are there."""
    if not all(is_file(root / folder / table) for table in SPLITS):
        return {}
    return {
        names.normal(row["path"]): split
        for table, split in SPLITS.items()
        for _, row in _table(root, posixpath.join(folder, table), collector).rows(REQUIRED)
    }


def _extra(row: Mapping[str, str]) -> dict[str, str]:
    cells = {name: row.get(name, "") for name in COPIED} | {"accents": row.get("accents", row.get("accent", ""))}
    return {name: names.line(text) for name, text in cells.items()}
