"""Assignment of speakers to train, val and test, so that nobody is both trained and tested on.

Recordings of the same speaker, of the same source or of the same decoded audio stay together, and so do recordings
linked by a chain of these: groups are the connected components.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline import params
from pipeline.errors import CorpusError
from pipeline.tables import SPLITS, RecordingRow

FEW_GROUPS = 8  # up to this number, every assignment is tried: 3 ** 8 = 6,561
TRIALS = 64  # assignments of more groups that are tried, each in a different order

Hours = NDArray[np.float64]
Deal = NDArray[np.int64]  # the split of each group, as an index of SPLITS, shape (groups,)


def groups(recordings: Sequence[RecordingRow]) -> NDArray[np.int64]:
    """The group of each recording, shape (recordings,); recordings of one group stay together.

    Examples
    --------
    Speaker ann has two recordings, and one of them is cut from the same source as one of bob's:

    >>> rows = [
    ...     RecordingRow(r, f"{r}.wav", "english", speaker, source, 2, 32000, 16000, 1, "WAV", r, -3, -20, 0, 0)
    ...     for r, speaker, source in [("r0", "ann", "x"), ("r1", "ann", "y"), ("r2", "bob", "y"), ("r3", "eve", "z")]
    ... ]
    >>> groups(rows).tolist()
    [0, 0, 0, 1]
    """
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
    """Assign groups of recordings to splits so that the hours of every language come close to the requested shares.

    Groups are assigned longest first, each to the split that lacks most, in hours or relative to its share. This is
    repeated in orders jittered by the seed. The best assignment leaves the fewest splits of a language empty and, among
    those, comes closest to the shares. It depends on the seed and the set of recordings, not on their order.

    Returns
    -------
    The name of the split by recording.

    Examples
    --------
    >>> rows = [
    ...     RecordingRow(name, f"{name}.wav", "hindi", name, name, 60, 960000, 16000, 1, "WAV", name, -3, -20, 0, 0)
    ...     for name in ("ann", "bob", "dan", "eve", "kim")
    ... ]
    >>> sorted(assign(rows, params.Split(method="hours", val=0.2, test=0.2), seed=0).values())
    ['test', 'train', 'train', 'train', 'val']
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


def check(recordings: Sequence[RecordingRow], split_of: Mapping[str, str]) -> None:
    """Refuse an assignment in which a language is missing from a split.

    Raises
    ------
    CorpusError
        Naming the language and the split.

    Examples
    --------
    >>> row = RecordingRow("r", "r.wav", "hindi", "bob", "r", 2, 32000, 16000, 1, "WAV", "x", -3, -20, 0, 0)
    >>> check([row], {"r": "train"})
    Traceback (most recent call last):
    pipeline.errors.CorpusError: 'hindi' has no group of recordings left for val: ...
    """
    found = {(row.language, split_of[row.recording]) for row in recordings}
    languages = sorted({row.language for row in recordings})
    if missing := [(language, name) for language in languages for name in SPLITS if (language, name) not in found]:
        language, name = missing[0]
        raise CorpusError(
            f"{language!r} has no group of recordings left for {name}: too many share a speaker, a source or the same "
            "audio; add recordings of other speakers"
        )


def summary(
    recordings: Sequence[RecordingRow], split_of: Mapping[str, str], languages: Iterable[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Recordings, speakers, minutes and share of the duration, by language and split, as in splits/summary.json.

    Examples
    --------
    >>> row = RecordingRow("r", "r.wav", "hindi", "bob", "r", 90, 1440000, 16000, 1, "WAV", "x", -3, -20, 0, 0)
    >>> summary([row], {"r": "train"}, ["hindi"])["hindi"]["train"]
    {'recordings': 1, 'speakers': 1, 'minutes': 1.5, 'share': 1.0}
    """
    tree: dict[str, dict[str, dict[str, float]]] = {}
    for language in languages:
        spoken = [row for row in recordings if row.language == language]
        total_s = sum(row.duration_s for row in spoken)
        tree[language] = {}
        for name in SPLITS:
            rows = [row for row in spoken if split_of[row.recording] == name]
            duration_s = sum(row.duration_s for row in rows)
            tree[language][name] = {
                "recordings": len(rows),
                "speakers": len({row.speaker for row in rows}),
                "minutes": round(duration_s / 60, 2),
                "share": round(duration_s / total_s, 4),
            }
    return tree


def _deal(hours: Hours, wanted: Hours, relative: bool, rng: np.random.Generator) -> Deal:
    """One assignment.

    With missing hours, one long speaker does not overfill a small split; relative to the share, no split stays empty.
    """
    order = np.argsort(-hours.sum(axis=1) * rng.uniform(1, 2, len(hours)), kind="stable")
    unit = np.where(wanted > 0, wanted, 1) if relative else hours.sum(axis=0)
    lacking = wanted.copy()
    deal = np.zeros(len(hours), np.int64)
    for number in order:
        deal[number] = int(np.argmax((lacking / unit) @ (hours[number] / hours.sum(axis=0))))
        lacking[deal[number]] -= hours[number]
    return deal


def _improved(deal: Deal, hours: Hours, wanted: Hours) -> Deal:
    """The best assignment of all if the groups are few; otherwise one that moving any single group can't improve."""
    if len(deal) <= FEW_GROUPS:
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


def _badness(deal: Deal, hours: Hours, wanted: Hours) -> tuple[int, float]:
    """The number of empty splits of a language, and the hours off the shares, relative to the hours of the language."""
    dealt = np.array([hours[deal == number].sum(axis=0) for number in range(len(SPLITS))])
    return int(np.sum((dealt == 0) & (wanted > 0))), float(np.sum(np.abs(dealt - wanted) / hours.sum(axis=0)))
