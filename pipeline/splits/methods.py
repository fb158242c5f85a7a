"""The split methods: each assigns groups of recordings to train, val and test. Pinned speakers override all of them."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import names, params
from pipeline.console.text import brief
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import CorpusError
from pipeline.params import SplitMethod
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits import assignment
from pipeline.splits.assignment import UNFIXED, Assignment, Parts, Search
from pipeline.splits.groups import groups, require_column
from pipeline.splits.sources import SOURCE

NEEDS = (3.0, 1.0, 2.0)  # of train, val, test: a language with two speakers is trained and tested on
OFFICIAL = {  # names of splits in published corpora
    "train": "train", "val": "val", "dev": "val", "valid": "val", "validation": "val", "test": "test", "eval": "test",
}  # fmt: skip
USUAL = (SOURCE, "gender")  # columns of the corpus table that hours are always spread over, if it has them
REMEDY = f"write the columns speaker, split, and one of {', '.join(SPLITS)} as split"  # for splits/pins.csv


class Case(NamedTuple):
    """The input of a method."""

    recordings: Sequence[RecordingRow]  # in the order of their ids
    group: NDArray[np.int64]  # of each recording, shape (recordings,)
    pinned: Assignment  # split of each group with a pinned speaker, as an index of SPLITS, or `UNFIXED`
    settings: params.Split
    seed: int

    def solved(self, parts: Parts, fixed: Assignment) -> tuple[Assignment, Search]:
        """Assign the groups to parts by hours, speakers, and the columns that hours are spread over."""
        for column in self.settings.stratify:
            require_column(self.recordings, column, "split.stratify")
        known = {column for row in self.recordings for column in row.extra}
        columns = sorted({*self.settings.stratify, *USUAL} & known)
        quantities = assignment.quantities(self.recordings, self.group, columns)
        return assignment.assign(quantities, parts, fixed, self.seed)


def shares(settings: params.Split) -> tuple[float, float, float] | None:
    """Return the requested share of train, val and test; None if the corpus decides."""
    if settings.method == "official":
        return None
    if settings.method == "folds":
        return 1 - 2 / settings.folds, 1 / settings.folds, 1 / settings.folds
    return 1 - settings.val - settings.test, settings.val, settings.test


def by_hours(case: Case) -> tuple[Assignment, Search]:
    """Assign groups as close as possible to the shares of hours and speakers."""
    return case.solved(Parts(np.array(shares(case.settings)), np.array(NEEDS)), case.pinned)


def by_hash(case: Case) -> tuple[Assignment, None]:
    """Assign groups by a hash of each speaker's name: nobody moves when data are added.

    Of speakers linked in a group, the one that is nearest to train decides.
    """
    position = np.zeros(len(case.pinned))
    for speaker, number in {(row.speaker, number) for row, number in zip(case.recordings, case.group, strict=True)}:
        digest = hashlib.sha256(f"{case.seed}/{speaker}".encode()).digest()
        position[number] = max(position[number], int.from_bytes(digest[:8], "big") / 2**64)
    test, val = case.settings.test, case.settings.val
    return np.where(position < test, 2, np.where(position < test + val, 1, 0)), None


def official(case: Case) -> tuple[Assignment, None]:
    """Take the splits from the column `split` of the corpus table.

    Raises
    ------
    CorpusError
        If a recording has no split there, or a group has several.
    """
    named = []
    for row, number in zip(case.recordings, case.group.tolist(), strict=True):
        given = row.extra.get("split", "")
        if case.pinned[number] != UNFIXED:
            continue
        if given.casefold() not in OFFICIAL:
            needs = f"split.method 'official' needs the column split in the corpus table, one of {', '.join(OFFICIAL)}"
            raise CorpusError(f"{needs}; that of {brief(row.path)} is {brief(given) if given else 'missing'}")
        named.append((number, row.path, OFFICIAL[given.casefold()]))
    return _agreed(named, case.pinned, "the column split of the corpus table"), None


def by_folds(case: Case) -> tuple[Assignment, Search]:
    """Cross-validate: fold number `split.fold` is test, the next one val, and all others train."""
    count, fold = case.settings.folds, case.settings.fold
    free = np.full(len(case.pinned), UNFIXED, np.int64)
    folds, search = case.solved(Parts(np.full(count, 1 / count), np.ones(count)), free)
    return np.select([folds == fold, folds == (fold + 1) % count], [2, 1], 0), search


METHODS: dict[SplitMethod, Callable[[Case], tuple[Assignment, Search | None]]] = {
    "hours": by_hours,
    "hash": by_hash,
    "official": official,
    "folds": by_folds,
    "sources": by_hours,  # the sources that are not left out
}
"""Each returns the split of each group, as an index of SPLITS, and how good it is if the solver found it."""


def assign(
    recordings: Sequence[RecordingRow], settings: params.Split, seed: int, pinned: Mapping[str, str] | None = None
) -> tuple[dict[str, str], Search | None]:
    """Assign groups of recordings to splits. The result depends on the set of recordings, not on their order.

    Parameters
    ----------
    pinned
        Split of each pinned speaker.

    Returns
    -------
    The name of the split by recording, and how good the assignment is if the solver found it.

    Raises
    ------
    CorpusError
        If pins or official splits contradict the groups, or the corpus has no such speaker.

    Examples
    --------
    >>> rows = [
    ...     RecordingRow(name, f"{name}.wav", "hindi", name, name, 60, 960000, 16000, 1, "WAV", name, -3, -20, 0, 0)
    ...     for name in ("ann", "bob", "dan", "eve", "kim")
    ... ]
    >>> split_of, search = assign(rows, params.Split(val=0.2, test=0.2), seed=0, pinned={"ann": "test"})
    >>> split_of["ann"], sorted(split_of.values())
    ('test', ['test', 'train', 'train', 'train', 'val'])
    """
    recordings = sorted(recordings, key=lambda row: row.recording)
    group = groups(recordings)
    fixed = _fixed(pinned or {}, recordings, group)
    found, search = METHODS[settings.method](Case(recordings, group, fixed, settings, seed))
    found = np.where(fixed == UNFIXED, found, fixed)
    return {row.recording: SPLITS[found[number]] for row, number in zip(recordings, group, strict=True)}, search


def read_pins(path: Path) -> dict[str, str]:
    """Read splits/pins.csv: the split of each speaker for whom the user decides.

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
            both = f"{pins[speaker]} and, in line {line}, to {split}"
            raise CorpusError(f"{path} pins {brief(speaker)} to {both}; remove the wrong line")
    return pins


def _fixed(pins: Mapping[str, str], recordings: Sequence[RecordingRow], group: NDArray[np.int64]) -> Assignment:
    """Return the split of each group with a pinned speaker, as an index of SPLITS, or `UNFIXED`, shape (groups,)."""
    speakers = {row.speaker for row in recordings}
    if unknown := sorted(set(pins) - speakers):
        alike = sorted(name for name in speakers if f"/{name}".casefold().endswith(f"/{unknown[0]}".casefold()))
        remedy = f"write {' or '.join(map(brief, alike[:3]))}" if alike else "correct the name or remove the line"
        raise CorpusError(f"splits/pins.csv pins {brief(unknown[0])}, who is not in this corpus, or held out; {remedy}")
    numbered = zip(recordings, group.tolist(), strict=True)
    named = [(number, row.speaker, pins[row.speaker]) for row, number in numbered if row.speaker in pins]
    return _agreed(named, np.full(int(group.max()) + 1, UNFIXED, np.int64), "splits/pins.csv")


def _agreed(named: Iterable[tuple[int, str, str]], fixed: Assignment, origin: str) -> Assignment:
    """Fix the splits of more groups, given the group, a name for messages and the split of each decision."""
    fixed, first = fixed.copy(), dict[int, tuple[str, str]]()
    for number, name, split in named:
        other, before = first.setdefault(number, (name, split))
        if before != split:
            puts = f"{origin} puts {brief(other)} into {before} and {brief(name)} into {split}"
            shared = "they share a speaker, a source, audio or speech"
            raise CorpusError(f"{puts}, but {shared}; pin all their speakers to one split in splits/pins.csv")
        fixed[number] = SPLITS.index(split)
    return fixed
