"""splits/pins.csv: speakers whose split the user decides, whatever the method says."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import names
from pipeline.console.text import brief
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import CorpusError
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits.assignment import UNFIXED, Assignment

REMEDY = f"write the columns speaker, split, and one of {', '.join(SPLITS)} as split"


def read(path: Path) -> dict[str, str]:
    """Return the split of each pinned speaker.

    Raises
    ------
    CorpusError
        If the file can't be read, names no such split or pins a speaker twice.
    """
    pins: dict[str, str] = {}
    for line, row in Table(path, str(path), REMEDY).rows(("speaker", "split")):
        speaker, split = names.normal(row["speaker"]), names.normal(row["split"])
        if split not in SPLITS:
            raise CorpusError(f"{path} line {line}: split is {brief(split)}; {REMEDY}")
        if pins.setdefault(speaker, split) != split:
            raise CorpusError(
                f"{path} line {line} pins {brief(speaker)} to {split}, an earlier line to {pins[speaker]}"
            )
    return pins


def fixed(pins: Mapping[str, str], recordings: Sequence[RecordingRow], group: NDArray[np.int64]) -> Assignment:
    """Return the split of each group with a pinned speaker, as an index of SPLITS, or `UNFIXED`, shape (groups,).

    Raises
    ------
    CorpusError
        If the corpus has no such speaker, or speakers of one group are pinned to different splits.
    """
    pinned = np.full(int(group.max()) + 1, UNFIXED, np.int64)
    pinned_by: dict[int, str] = {}
    for row, number in zip(recordings, group.tolist(), strict=True):
        if row.speaker not in pins:
            continue
        split, first = pins[row.speaker], pinned_by.setdefault(number, row.speaker)
        if pins[first] != split:
            raise CorpusError(
                f"splits/pins.csv pins {brief(first)} to {pins[first]} and {brief(row.speaker)} to {split}, but they "
                "share a source, audio or speech and must stay together; pin both to one split"
            )
        pinned[number] = SPLITS.index(split)
    speakers = {row.speaker for row in recordings}
    if unknown := sorted(set(pins) - speakers):
        alike = sorted(name for name in speakers if f"/{name}".casefold().endswith(f"/{unknown[0]}".casefold()))
        remedy = f"write {' or '.join(map(brief, alike[:3]))}" if alike else "correct the name or remove the line"
        raise CorpusError(f"splits/pins.csv pins {brief(unknown[0])}, who is not in this corpus; {remedy}")
    return pinned
