"""The layout of FLEURS: one folder per language with train.tsv, dev.tsv and test.tsv, which have no header, and audio/.

https://huggingface.co/datasets/google/fleurs, whose folder data holds data/en_us/train.tsv and, to be unpacked beside
it, data/en_us/audio/train.tar.gz. Nobody says who speaks; the sentence is the group, in all languages.
"""

import posixpath
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
    for folder, split in _tables(root):
        if is_folder(root / folder / "audio" / split):
            return f"{escaped(folder)}/ holds {split}.tsv and audio/{split}/"
    return None


def read(collector: Collector) -> None:
    """List the recordings of every language and split."""
    collector.global_groups = True
    for folder, split in _tables(collector.root):
        if not is_folder(collector.root / folder / "audio" / split):
            collector.skipped["*.tsv without audio"] += 1
            continue
        table = collector.table(f"{folder}/{split}.tsv", REMEDY, style="tabs", header=COLUMNS)
        for line, row in table.rows(COLUMNS):
            collector.add(
                f"{folder}/audio/{split}/{row['path'].strip()}",
                posixpath.basename(folder),
                where=f"{table.name} line {line}",
                group=row["sentence"],
                columns={"split": SPLITS[split], "gender": names.line(row["gender"]).lower()},
            )


def _tables(root: Path) -> Iterator[tuple[str, str]]:
    """Yield folder and split of every table: of the languages in the root, or in its folder data."""
    for folder in [*folders_of(root), *(f"data/{name}" for name in folders_of(root / "data"))]:
        for split in SPLITS:
            if is_file(root / folder / f"{split}.tsv"):
                yield folder, split
