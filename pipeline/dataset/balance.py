"""The balance strategies: each makes the training manifest from all sequences of uneven classes.

Classes are counted in frames of the language after the silence view. Validation and test manifests are never balanced.
`undersample` takes sequences until a class has the frames of the smallest one, `oversample` adds repeats until it has
those of the largest one. In both, the last sequence is cut short, so that the frames that count are equal.
"""

import dataclasses
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline import params
from pipeline.arrays import Flags
from pipeline.dataset.counts import Counted, class_totals, frames
from pipeline.dataset.division import ensemble
from pipeline.dataset.weights import class_weight
from pipeline.network.definition import Division
from pipeline.params import BalanceStrategy
from pipeline.rows import SequenceRow

GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it, modulo 1, are spread evenly however many are taken


def undersample(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> list[SequenceRow]:
    """Reduce every class to the frames of the smallest, taken evenly from its sources and, within them, speakers.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> class_totals(undersample(rows, counted, np.random.default_rng(0)), counted)
    {'a': 9, 'b': 9}
    """
    totals = class_totals(rows, counted)
    target = min(totals.values())
    kept: list[SequenceRow] = []
    for language, of_language in _by(rows, lambda row: row.language).items():
        whole = totals[language] == target
        kept += of_language if whole else _until(target, _by_turns(of_language, counted, rng), counted)
    return sorted(kept, key=lambda row: (row.recording, row.start))


def oversample(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> list[SequenceRow]:
    """Extend every class to the frames of the largest: sequences are repeated, each time cut at a different offset."""
    totals = class_totals(rows, counted)
    target = max(totals.values())
    more = list(rows)
    for language, of_language in _by(rows, lambda row: row.language).items():
        more += _until(target - totals[language], _repeats(of_language, counted, rng), counted)
    return sorted(more, key=lambda row: (row.recording, row.repeat, row.start))


class Balancing(NamedTuple):
    """How a balance strategy makes the training manifest."""

    sentence: str  # for the report
    # Takes every sequence once; returns the manifest, and the division of the classes if there are two networks.
    apply: Callable[[Sequence[SequenceRow], Counted, np.random.Generator], tuple[list[SequenceRow], Division | None]]


METHODS: dict[BalanceStrategy, Balancing] = {
    "none": Balancing("every sequence once", lambda rows, _counted, _rng: (list(rows), None)),
    "class_weight": Balancing(
        "every sequence once, weighted so that all classes have the same total weight",
        lambda rows, counted, _rng: (class_weight(rows, counted), None),
    ),
    "undersample": Balancing(
        "larger classes reduced to the frames of the smallest, taken evenly from their sources and speakers",
        lambda rows, counted, rng: (undersample(rows, counted, rng), None),
    ),
    "oversample": Balancing(
        "sequences of the smaller classes repeated up to the frames of the largest, each time cut at another offset",
        lambda rows, counted, rng: (oversample(rows, counted, rng), None),
    ),
    "ensemble": Balancing(
        "one network separates the parts of the largest class from the rest, a second one separates the rest",
        lambda rows, counted, _rng: ensemble(rows, counted),
    ),
}


def balance(
    strategy: BalanceStrategy, rows: Sequence[SequenceRow], counted: Counted, seed: int
) -> tuple[list[SequenceRow], Division | None]:
    """Balance training sequences.

    Parameters
    ----------
    rows
        Every training sequence once.

    Returns
    -------
    The manifest, the same for any order of the rows, and the division of the classes if the strategy is `ensemble`.

    Raises
    ------
    ArgumentError
        If there is no such strategy.
    """
    params.choose("balance strategy", strategy, METHODS)
    in_order = sorted(rows, key=lambda row: (row.recording, row.start))
    return METHODS[strategy].apply(in_order, counted, np.random.default_rng(seed))


def _until(missing: int, rows: Iterable[SequenceRow], counted: Counted) -> Iterator[SequenceRow]:
    """Yield the first of these rows, up to exactly this many frames that count: the last row is cut short."""
    waiting = iter(rows)
    while missing > 0 and (row := next(waiting, None)):
        found = frames(row, counted)
        if found > missing:
            flags = counted[row.recording][row.start : row.start + row.frames]
            row = dataclasses.replace(row, frames=int(np.flatnonzero(flags)[missing - 1]) + 1)
        yield row
        missing -= found


def _by_turns(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Yield sequences in random order, the next from the source and its speaker with the fewest frames so far."""
    shuffled = [rows[number] for number in rng.permutation(len(rows))]
    by_source = _by(shuffled, lambda row: row.source)
    by_speaker = [_by(some, lambda row: row.speaker) for some in by_source.values()]
    return _take_turns([_take_turns(map(iter, speakers.values()), counted) for speakers in by_speaker], counted)


def _take_turns(streams: Iterable[Iterator[SequenceRow]], counted: Counted) -> Iterator[SequenceRow]:
    """Yield all rows of several streams, the next always from the stream with the fewest frames so far."""
    heap = [(0, number, stream) for number, stream in enumerate(streams)]
    while heap:
        total, number, stream = heap[0]
        row = next(stream, None)
        if row is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (total + max(frames(row, counted), 1), number, stream))
            yield row


def _repeats(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Repeat every sequence endlessly, each time from another position in its recording."""
    rows = [row for row in rows if counted[row.recording].any()]
    of_recording = _by(rows, lambda row: row.recording)
    windows = {name: _windows(some, counted[name], rng) for name, some in of_recording.items()}
    for repeat in itertools.count(1) if rows else ():
        for number in rng.permutation(len(rows)):
            start, length = next(windows[rows[number].recording])
            yield dataclasses.replace(rows[number], start=start, frames=length, repeat=repeat)


def _windows(rows: Sequence[SequenceRow], flags: Flags, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield start and frames of windows of a recording that hold a frame that counts, endlessly.

    Every window that is no sequence comes once before any comes again. Windows are as long as the longest sequence. If
    this is the whole recording, they begin in its first half and end where it ends. Steps near the golden ratio of the
    range, and without a divisor in common with it, spread any number of them evenly and need no memory.
    """
    length, taken = max(row.frames for row in rows), {row.start for row in rows}
    n_offsets = max(len(flags) - length, length // 2) + 1
    step = round(GOLDEN * n_offsets)
    while math.gcd(step, n_offsets) > 1:
        step += 1
    first = int(rng.integers(n_offsets))
    for skipped in itertools.chain([taken], itertools.repeat(())):
        for number in range(n_offsets):
            start = (first + number * step) % n_offsets
            if start not in skipped and flags[start : start + length].any():
                yield start, min(length, len(flags) - start)


def _by(rows: Iterable[SequenceRow], key: Callable[[SequenceRow], str]) -> dict[str, list[SequenceRow]]:
    """Group rows by a property, in order."""
    groups: dict[str, list[SequenceRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
