"""The split methods: each assigns groups of recordings to train, val and test. Pinned speakers override all of them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.console.text import brief
from pipeline.errors import CorpusError
from pipeline.params import SplitMethod
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits import assignment, pins
from pipeline.splits.assignment import UNFIXED, Assignment, Parts, Search
from pipeline.splits.groups import groups
from pipeline.splits.holdout import SOURCE, require_column

NEEDS = (3.0, 1.0, 2.0)  # of train, val, test: a language with two speakers is trained and tested on
OFFICIAL = {  # names of splits in published corpora
    "train": "train", "val": "val", "dev": "val", "valid": "val", "validation": "val", "test": "test", "eval": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """The input of a method.

    Attributes
    ----------
    recordings
        In the order of their ids.
    group
        Group of each recording, shape (recordings,).
    pinned
        Split of each group with a pinned speaker, as an index of SPLITS, or `UNFIXED`, shape (groups,).
    """

    recordings: Sequence[RecordingRow]
    group: NDArray[np.int64]
    pinned: Assignment
    settings: params.Split
    seed: int

    def solved(self, parts: Parts, fixed: Assignment) -> tuple[Assignment, Search]:
        """Assign the groups to parts by hours, speakers, and the columns that hours are spread over."""
        for column in self.settings.stratify:
            require_column(self.recordings, column, "split.stratify")
        # The hours are always spread over the sources as well.
        known = {column for row in self.recordings for column in row.extra}
        columns = sorted({*self.settings.stratify, SOURCE} & known)
        return assignment.assign(assignment.quantities(self.recordings, self.group, columns), parts, fixed, self.seed)


@dataclass(frozen=True)
class Splitting:
    """How a method splits.

    Attributes
    ----------
    apply
        Returns the split of each group, as an index of SPLITS, and how good it is if the solver found it.
    shares
        Returns the requested share of train, val and test; None if the corpus decides.
    """

    apply: Callable[[Case], tuple[Assignment, Search | None]]
    shares: Callable[[params.Split], tuple[float, ...] | None]


def _requested(settings: params.Split) -> tuple[float, ...]:
    return (1 - settings.val - settings.test, settings.val, settings.test)


def by_hours(case: Case) -> tuple[Assignment, Search]:
    """Assign groups as close as possible to the shares of hours and speakers."""
    return case.solved(Parts(np.array(_requested(case.settings)), np.array(NEEDS)), case.pinned)


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

    def named() -> Iterator[tuple[int, str, str]]:
        for row, number in zip(case.recordings, case.group.tolist(), strict=True):
            given = row.extra.get("split")
            if case.pinned[number] == UNFIXED and (given or "").casefold() not in OFFICIAL:
                raise CorpusError(
                    "split.method 'official' needs the column split in the corpus table, one of "
                    f"{', '.join(OFFICIAL)}; that of {brief(row.path)} is {brief(given) if given else 'missing'}"
                )
            if case.pinned[number] == UNFIXED:
                yield number, row.path, OFFICIAL[str(given).casefold()]

    return pins.agreed(named(), case.pinned, "the column split of the corpus table"), None


def by_folds(case: Case) -> tuple[Assignment, Search]:
    """Cross-validate: fold number `split.fold` is test, the next one val, and all others train."""
    count, fold = case.settings.folds, case.settings.fold
    free = np.full(len(case.pinned), UNFIXED, np.int64)
    folds, search = case.solved(Parts(np.full(count, 1 / count), np.ones(count)), free)
    return np.select([folds == fold, folds == (fold + 1) % count], [2, 1], 0), search


METHODS: dict[SplitMethod, Splitting] = {
    "hours": Splitting(by_hours, _requested),
    "hash": Splitting(by_hash, _requested),
    "official": Splitting(official, lambda _settings: None),
    "folds": Splitting(by_folds, lambda settings: (1 - 2 / settings.folds, 1 / settings.folds, 1 / settings.folds)),
}


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
        If pins or official splits contradict the groups.

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
    pins_of = pins.fixed(pinned or {}, recordings, group)
    found, search = METHODS[settings.method].apply(Case(recordings, group, pins_of, settings, seed))
    found = np.where(pins_of == UNFIXED, found, pins_of)
    return {row.recording: SPLITS[found[number]] for row, number in zip(recordings, group, strict=True)}, search
