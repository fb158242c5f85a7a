"""The layout of Mozilla Common Voice: validated.tsv and its siblings beside clips/, one folder per language.

https://commonvoice.mozilla.org. client_id is the speaker; train.tsv, dev.tsv and test.tsv give the official split.
"""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from pipeline import names
from pipeline.corpus.collector import Collector
from pipeline.corpus.paths import folders_of, is_file, is_folder

VALIDATED, CLIPS = "validated.tsv", "clips"
SPLITS = {"train.tsv": "train", "dev.tsv": "val", "test.tsv": "test"}
COPIED = ("age", "gender", "accents", "variant")  # columns; those before release 8 wrote accent
REQUIRED = ("client_id", "path")
REMEDY = "unpack the release again"


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    found = next(_parts(root), None)
    return f"{found[0] or 'it'} holds {VALIDATED} and {CLIPS}/" if found else None


def read(collector: Collector) -> None:
    """List the validated clips of every language."""
    collector.speakers_in = "the column client_id"
    for folder, locale in _parts(collector.root):
        splits = _splits(folder, collector)
        table = collector.table(posixpath.join(folder, VALIDATED), REMEDY, style="tabs")
        for line, row in table.rows(REQUIRED):
            clip = row["path"].strip()
            clip = clip if "." in clip else f"{clip}.mp3"  # of the first releases
            row.setdefault("accents", row.get("accent", ""))
            columns = {name: names.line(row.get(name, "")) for name in COPIED}
            collector.add(
                posixpath.join(folder, CLIPS, clip),
                row.get("locale", "").strip() or locale,
                row["client_id"],
                where=f"{table.name} line {line}",
                columns=columns | {"split": splits.get(names.normal(clip), "")},
            )


def _parts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield folder, relative to the root, and locale of each language: the folders in the root, or the root itself."""
    for folder, locale in [("", root.resolve().name), *((name, name) for name in folders_of(root))]:
        if is_file(root / folder / VALIDATED) and is_folder(root / folder / CLIPS):
            yield folder, locale


def _splits(folder: str, collector: Collector) -> dict[str, str]:
    """Return the official split of each clip; none unless all three tables are there."""
    tables = {posixpath.join(folder, name): split for name, split in SPLITS.items()}
    if not all(is_file(collector.root / table) for table in tables):
        return {}
    return {
        names.normal(row["path"]): split
        for table, split in tables.items()
        for _, row in collector.table(table, REMEDY, style="tabs").rows(REQUIRED)
    }
