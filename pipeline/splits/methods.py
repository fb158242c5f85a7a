"""The split methods: each assigns groups of recordings to train, val and test. Pinned speakers override all of them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.console.text import brief
from pipeline.errors import CorpusError
from pipeline.params import SplitMethod
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits import division, pins
from pipeline.splits.division import Search
from pipeline.splits.greedy import UNFIXED
from pipeline.splits.groups import groups
from pipeline.splits.holdout import SOURCE
from pipeline.splits.quantities import Bins, Deal, Quantities

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
    pinned: Deal
    settings: params.Split
    seed: int

    @property
    def quantities(self) -> Quantities:
        columns = {column for row in self.recordings for column in row.extra}
        if unknown := [column for column in self.settings.stratify if column not in columns]:
            raise CorpusError(
                f"split.stratify names {brief(unknown[0])}, but the corpus table has no such column; it has "
                f"{', '.join(map(brief, sorted(columns))) or 'no further columns'}"
            )
        # The hours are always spread over the sources as well.
        return Quantities.of(self.recordings, self.group, sorted({*self.settings.stratify, SOURCE} & columns))


@dataclass(frozen=True)
class Method:
    """How a method splits.

    Attributes
    ----------
    apply
        Returns the split of each group, as an index of SPLITS, and how the search for it went, if it searched.
    shares
        The requested share of train, val and test; None if the corpus decides.
    """

    apply: Callable[[Case], tuple[Deal, Search | None]]
    shares: Callable[[params.Split], tuple[float, ...] | None]


def _requested(settings: params.Split) -> tuple[float, ...]:
    return (1 - settings.val - settings.test, settings.val, settings.test)


def by_hours(case: Case) -> tuple[Deal, Search]:
    """As close as possible to the shares of hours and speakers."""
    bins = Bins(np.array(_requested(case.settings)), np.array(NEEDS))
    return division.divide(case.quantities, bins, case.pinned, case.seed)


def by_hash(case: Case) -> tuple[Deal, None]:
    """By a hash of each speaker's name: nobody moves when data are added.

    Of speakers linked in a group, the one that is nearest to train decides.
    """
    position = np.zeros(len(case.pinned))
    for speaker, number in {(row.speaker, number) for row, number in zip(case.recordings, case.group, strict=True)}:
        digest = hashlib.sha256(f"{case.seed}/{speaker}".encode()).digest()
        position[number] = max(position[number], int.from_bytes(digest[:8], "big") / 2**64)
    settings = case.settings
    return np.where(position < settings.test, 2, np.where(position < settings.test + settings.val, 1, 0)), None


def official(case: Case) -> tuple[Deal, None]:
    """By the column `split` of the corpus table.

    Raises
    ------
    CorpusError
        If a recording has no split there, or a group has several.
    """
    deal = case.pinned.copy()
    decided_by: dict[int, RecordingRow] = {}
    for row, number in zip(case.recordings, case.group.tolist(), strict=True):
        if case.pinned[number] != UNFIXED:
            continue
        name = OFFICIAL.get(row.extra.get("split", "").casefold())
        if name is None:
            given = brief(row.extra["split"]) if "split" in row.extra else "missing"
            raise CorpusError(
                "split.method 'official' needs the column split in the corpus table, one of "
                f"{', '.join(OFFICIAL)}; that of {brief(row.path)} is {given}"
            )
        first = decided_by.setdefault(number, row)
        if deal[number] not in (UNFIXED, SPLITS.index(name)):
            raise CorpusError(
                f"the official splits leak: {brief(first.path)} and {brief(row.path)} share a speaker, a source, audio "
                f"or speech, but are in {SPLITS[deal[number]]} and {name}; pin the speaker to one split in "
                "splits/pins.csv"
            )
        deal[number] = SPLITS.index(name)
    return deal, None


def by_folds(case: Case) -> tuple[Deal, Search]:
    """Cross-validation: fold number `split.fold` is test, the next one val, and all others train."""
    count, fold = case.settings.folds, case.settings.fold
    bins = Bins(np.full(count, 1 / count), np.ones(count))
    free = np.full(len(case.pinned), UNFIXED, np.int64)
    folds, search = division.divide(case.quantities, bins, free, case.seed)
    return np.select([folds == fold, folds == (fold + 1) % count], [2, 1], 0), search


METHODS: dict[SplitMethod, Method] = {
    "hours": Method(by_hours, _requested),
    "hash": Method(by_hash, _requested),
    "official": Method(official, lambda _settings: None),
    "folds": Method(by_folds, lambda settings: (1 - 2 / settings.folds, 1 / settings.folds, 1 / settings.folds)),
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
    The name of the split by recording, and how the search for it went, if there was one.

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
    >>> settings = params.Split.model_construct(method="hours", val=0.2, test=0.2, stratify=())
    >>> split_of, search = assign(rows, settings, seed=0, pinned={"ann": "test"})
    >>> split_of["ann"], sorted(split_of.values())
    ('test', ['test', 'train', 'train', 'train', 'val'])
    """
    recordings = sorted(recordings, key=lambda row: row.recording)
    group = groups(recordings)
    decided = pins.fixed(pinned or {}, recordings, group)
    deal, search = METHODS[settings.method].apply(Case(recordings, group, decided, settings, seed))
    deal = np.where(decided == UNFIXED, deal, decided)
    return {row.recording: SPLITS[deal[number]] for row, number in zip(recordings, group, strict=True)}, search
