"""splits/pins.csv: speakers whose split the user decides, whatever the method says."""

from collections.abc import Iterable, Mapping, Sequence
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
    speakers = {row.speaker for row in recordings}
    if unknown := sorted(set(pins) - speakers):
        alike = sorted(name for name in speakers if f"/{name}".casefold().endswith(f"/{unknown[0]}".casefold()))
        remedy = f"write {' or '.join(map(brief, alike[:3]))}" if alike else "correct the name or remove the line"
        raise CorpusError(f"splits/pins.csv pins {brief(unknown[0])}, who is not in this corpus; {remedy}")
    numbered = zip(recordings, group.tolist(), strict=True)
    pinned = ((number, row.speaker, pins[row.speaker]) for row, number in numbered if row.speaker in pins)
    return agreed(pinned, np.full(int(group.max()) + 1, UNFIXED, np.int64), "splits/pins.csv")


def agreed(named: Iterable[tuple[int, str, str]], fixed: Assignment, origin: str) -> Assignment:
    """Fix the splits of more groups.

    Parameters
    ----------
    named
        Group, name for messages and split of each decision.
    origin
        Source of the splits, for messages.

    Raises
    ------
    CorpusError
        If a group would have two splits.
    """
    fixed, first = fixed.copy(), dict[int, tuple[str, str]]()
    for number, name, split in named:
        other, before = first.setdefault(number, (name, split))
        if before != split:
            raise CorpusError(
                f"{origin} puts {brief(other)} into {before} and {brief(name)} into {split}, but they share a speaker, "
                "a source, audio or speech and must stay together; pin all their speakers to one split in "
                "splits/pins.csv"
            )
        fixed[number] = SPLITS.index(split)
    return fixed
