"""Speakers to train, val and test: whole groups, so that nobody is both trained and tested on.

Groups that must stay together are found by union: the same speaker, the same source recording, the same decoded audio.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline import params
from pipeline.errors import CorpusError
from pipeline.tables import SPLITS, RecordingRow

FEW = 8  # groups of which every deal can be tried: 6,561
TRIALS = 64  # orders of dealing that are tried; the closest to the requested hours is kept

Hours = NDArray[np.float64]


def groups(recordings: Sequence[RecordingRow]) -> NDArray[np.int64]:
    """A group number for each recording: equal where they must stay together. Shape (recordings,)."""
    # A graph whose nodes are the recordings and everything that two of them can share.
    shared: dict[tuple[str, str], int] = {}
    links = [
        (number, shared.setdefault(key, len(recordings) + len(shared)))
        for number, row in enumerate(recordings)
        for key in (("speaker", row.speaker), ("source", row.group), ("audio", row.sha256))
    ]
    size = len(recordings) + len(shared)
    ends = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links), np.int8), (ends[0], ends[1])), shape=(size, size))
    labels: NDArray[np.int64] = connected_components(graph, directed=False)[1][: len(recordings)].astype(np.int64)
    return labels


def assign(recordings: Sequence[RecordingRow], split: params.Split, seed: int) -> dict[str, str]:
    """Deal groups of recordings to the splits so that every language's hours come close to the requested shares.

    Groups are dealt longest first, each to the split that lacks most, in hours or relative to its share. Of many
    deals, in orders jittered by the seed, the one is kept that leaves the fewest splits of a language empty, then the
    one nearest to the shares. Depends on the seed and the set of recordings, not on their order.

    Returns
    -------
    The name of the split by recording.
    """
    recordings = sorted(recordings, key=lambda row: row.recording)
    label, group = np.unique(groups(recordings), return_inverse=True)
    languages = {name: column for column, name in enumerate(sorted({row.language for row in recordings}))}
    hours = np.zeros((len(label), len(languages)))
    for row, number in zip(recordings, group, strict=True):
        hours[number, languages[row.language]] += row.duration_s / 3600
    wanted = np.outer([1 - split.val - split.test, split.val, split.test], hours.sum(axis=0))
    deals = (_deal(hours, wanted, trial % 2 == 1, np.random.default_rng([seed, trial])) for trial in range(TRIALS))
    best = _improved(min(deals, key=lambda deal: _badness(deal, hours, wanted)), hours, wanted)
    return {row.recording: SPLITS[best[number]] for row, number in zip(recordings, group, strict=True)}


def _deal(hours: Hours, wanted: Hours, relative: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    """The split of each group, shape (groups,).

    By hours lacking, one long speaker does not overfill a small split; relative to the share, no split stays empty.
    """
    order = np.argsort(-hours.sum(axis=1) * rng.uniform(1, 2, len(hours)), kind="stable")
    unit = np.where(wanted > 0, wanted, 1) if relative else hours.sum(axis=0)
    lacking = wanted.copy()
    deal = np.zeros(len(hours), np.int64)
    for number in order:
        deal[number] = int(np.argmax((lacking / unit) @ (hours[number] / hours.sum(axis=0))))
        lacking[deal[number]] -= hours[number]
    return deal


def _improved(deal: NDArray[np.int64], hours: Hours, wanted: Hours) -> NDArray[np.int64]:
    """The best deal of all where the groups are few, else the one that moving single groups leads to."""
    if len(deal) <= FEW:
        every = (np.array(choice) for choice in itertools.product(range(len(SPLITS)), repeat=len(deal)))
        return min(every, key=lambda choice: _badness(choice, hours, wanted))
    best, improves = _badness(deal, hours, wanted), True
    while improves:
        improves = False
        for number, name in itertools.product(range(len(deal)), range(len(SPLITS))):
            moved = deal.copy()
            moved[number] = name
            if (badness := _badness(moved, hours, wanted)) < best:
                deal, best, improves = moved, badness, True
    return deal


def _badness(deal: NDArray[np.int64], hours: Hours, wanted: Hours) -> tuple[int, float]:
    """Splits of a language that are empty, and the hours by which the shares are missed, relative to the language's."""
    dealt = np.array([hours[deal == number].sum(axis=0) for number in range(len(SPLITS))])
    return int(np.sum((dealt == 0) & (wanted > 0))), float(np.sum(np.abs(dealt - wanted) / hours.sum(axis=0)))


def check(recordings: Sequence[RecordingRow], split_of: Mapping[str, str]) -> None:
    """Refuse a division in which a language lacks a split.

    Raises
    ------
    CorpusError
        Naming the language and the split.
    """
    dealt = {(row.language, split_of[row.recording]) for row in recordings}
    for language in sorted({row.language for row in recordings}):
        for name in SPLITS:
            if (language, name) not in dealt:
                raise CorpusError(
                    f"{language!r} has no group of recordings left for {name}: too many share a speaker, a source "
                    "or the same audio; add recordings of other speakers"
                )
