"""The two networks of an ensemble: which classes each separates, with which sequences and weights.

The speakers of the largest class are divided into parts of nearly equal sums, as many as come closest to the rest.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from pipeline.console.text import brief
from pipeline.dataset.counts import Counted, amounts, class_totals
from pipeline.dataset.weights import class_weight
from pipeline.network.definition import Division
from pipeline.rows import SequenceRow

MAX_RATIO = 1.5  # of the largest new class to the smallest, without a remark
MAX_TRIALS = 32  # numbers of parts to try, in the order of the ratio that each could reach at best
MAX_EXCHANGES = 1000  # between the parts of one trial
EVEN = 1.01  # ratio of parts that need no exchange; reached at once if no name has a large share

Parts = list[list[str]]


def ensemble(rows: Sequence[SequenceRow], counted: Counted) -> tuple[list[SequenceRow], Division]:
    """Take every sequence once for the first network, and those of the super-class once more for the second.

    The parts of the largest class are only roughly equal, and the classes of the super-class are uneven. Weights
    balance them as in `class_weight`, for each network separately.

    Examples
    --------
    >>> import numpy as np
    >>> names = ("a0", "a1", "a2", "a3", "b0", "c0")
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], f"speaker {name}", 0, 9) for name in names]
    >>> manifest, division = ensemble(rows, {row.recording: np.ones(9, bool) for row in rows})
    >>> division.large, division.others, len(division.parts)
    ('a', ('b', 'c'), 2)
    >>> [row.recording for row in manifest if row.member == 1]
    ['b0', 'c0']
    """
    totals = class_totals(rows, counted)
    large = max(totals, key=lambda language: totals[language])
    parts = divide(_speakers(rows, counted, large), sum(totals.values()) - totals[large])
    division = Division(large, parts, others=tuple(language for language in totals if language != large))
    others = [dataclasses.replace(row, member=1) for row in rows if row.language != large]
    return class_weight(rows, counted, _new_class(division)) + class_weight(others, counted), division


def class_sizes(rows: Sequence[SequenceRow], counted: Counted, division: Division | None) -> dict[str, int]:
    """Return frames that count, by class of the first or only network.

    Examples
    --------
    >>> import numpy as np
    >>> rows = [SequenceRow("r/0", "r", "a", "ann", 0, 9), SequenceRow("q/0", "q", "b", "ann", 0, 5)]
    >>> class_sizes(rows, {"r": np.ones(9, bool), "q": np.ones(5, bool)}, Division("a", (("ann",),), ("b",)))
    {'a, part 1 of 1': 9, 'others': 5}
    """
    if division is None:
        return class_totals(rows, counted)
    return amounts((row for row in rows if row.member == 0), counted, _new_class(division))


def remark(rows: Sequence[SequenceRow], counted: Counted, division: Division) -> str | None:
    """Return why the new classes are uneven; None if the largest has at most 1.5 times the frames of the smallest."""
    sizes = class_sizes(rows, counted, division)
    if ratio(sizes.values()) <= MAX_RATIO:
        return None
    speakers = _speakers(rows, counted, division.large)
    total, loudest = sum(speakers.values()), max(speakers, key=lambda name: speakers[name])
    if total < sizes["others"]:
        reason = f"{division.large} has fewer frames than all other languages together; another strategy fits better"
    else:
        share = speakers[loudest] / total
        reason = f"{brief(loudest)} speaks {share:.0%} of {division.large}, and speakers are not divided"
    return f"ensemble: the largest new class has {ratio(sizes.values()):.1f} times the frames of the smallest: {reason}"


def _new_class(division: Division) -> Callable[[SequenceRow], str]:
    """Return a function that names the class of a row in the first network: a part of the large language or others."""
    large, count = division.large, len(division.parts)
    return lambda row: (
        f"{large}, part {division.part_of[row.speaker] + 1} of {count}" if row.language == large else "others"
    )


def _speakers(rows: Sequence[SequenceRow], counted: Counted, language: str) -> dict[str, int]:
    """Return frames that count of every speaker of a language, for the first network."""
    mine = (row for row in rows if row.language == language and row.member == 0)
    return amounts(mine, counted, lambda row: row.speaker)


def ratio(sizes: Collection[float]) -> float:
    """Return the largest of several sizes divided by the smallest, or by 1."""
    return max(sizes) / max(min(sizes), 1)


def divide(sizes: Mapping[str, int], rest: int) -> tuple[tuple[str, ...], ...]:
    """Divide names into parts so that the sums of their sizes and `rest` are as equal as possible.

    The number of parts is the one that reaches the lowest ratio of the largest to the smallest of these sums. The
    search is not exhaustive: its time is nearly linear in the number of names.

    Examples
    --------
    >>> divide({"ann": 5, "bob": 4, "eve": 3, "joe": 3, "kim": 3}, rest=9)
    (('ann', 'bob'), ('eve', 'joe', 'kim'))
    >>> divide({"ann": 6, "bob": 1, "eve": 1}, rest=2)
    (('ann',), ('bob', 'eve'))
    """
    bounds = lowest_ratios(sorted((size for size in sizes.values() if size), reverse=True), rest)
    best: Parts = [list(sizes)]
    reached = ratio([rest, sum(sizes.values())])
    # The more parts reach the same ratio, the fewer frames are in unequal ones.
    numbers = sorted(range(1, len(bounds) + 1), key=lambda number: (bounds[number - 1], -number))
    for n_parts in numbers[:MAX_TRIALS]:
        if bounds[n_parts - 1] >= reached:
            break
        parts = _equal_parts(sizes, n_parts)
        if (found := ratio([rest, *_sums(parts, sizes)])) < reached:
            best, reached = parts, found
    return tuple(tuple(sorted(part)) for part in best)


def lowest_ratios(sizes: list[int], rest: int) -> list[float]:
    """Return a lower bound of the ratio for 1, 2, ... parts, up to one per size.

    The largest part is at least as large as the largest size and as the mean. The smallest is at most as large as the
    mean of the parts that remain if every size above that mean is a part of its own.

    Parameters
    ----------
    sizes
        In descending order.

    Examples
    --------
    >>> lowest_ratios([6, 1, 1], rest=2)
    [4.0, 3.0, 6.0]
    """
    bounds: list[float] = []
    alone, remaining = 0, sum(sizes)
    for n_parts in range(1, len(sizes) + 1):
        while alone < n_parts - 1 and sizes[alone] * (n_parts - alone) > remaining:
            remaining -= sizes[alone]
            alone += 1
        mean = remaining / (n_parts - alone)
        bounds.append(ratio([max(sizes[0], mean), mean, rest]))
    return bounds


def _equal_parts(sizes: Mapping[str, int], n_parts: int) -> Parts:
    """Return parts with nearly equal sums: largest first, each to the smallest part, then exchanges between parts."""
    parts: Parts = [[] for _ in range(n_parts)]
    sums = np.zeros(n_parts, np.int64)
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        smallest = int(sums.argmin())
        parts[smallest].append(name)
        sums[smallest] += sizes[name]
    for _ in range(MAX_EXCHANGES):
        if not _exchange(parts, sizes):
            break
    return parts


def _exchange(parts: Parts, sizes: Mapping[str, int]) -> bool:
    """Make the largest or the smallest part and one other more equal; False if they are equal enough or can't be."""
    sums = _sums(parts, sizes)
    if ratio(sums) <= EVEN:
        return False
    lowest, *between, highest = sorted(range(len(parts)), key=lambda number: sums[number])
    pairs = [(highest, lowest), *((highest, low) for low in between), *((high, lowest) for high in reversed(between))]
    for high, low in pairs:  # noqa: SIM110 (a swap changes the parts)
        if _swap(parts[high], parts[low], sums[high] - sums[low], sizes):
            return True
    return False


def _swap(high: list[str], low: list[str], gap: int, sizes: Mapping[str, int]) -> bool:
    """Move a name from `high` to `low`, for one or none in return, so as to close most of the gap; False if none do."""
    if len(high) == 1:  # its move or swap would turn the gap round
        return False
    ordered = sorted(high, key=lambda name: (sizes[name], name))
    by_size = np.array([sizes[name] for name in ordered])
    back = np.array([0, *(sizes[name] for name in low)])
    nearest = np.searchsorted(by_size, back + gap / 2)
    given = np.clip(nearest[:, None] - [1, 0], 0, len(high) - 1)
    left = np.abs(gap - 2 * (by_size[given] - back[:, None]))
    returned, side = np.unravel_index(left.argmin(), left.shape)
    if left[returned, side] >= gap:
        return False
    moved = ordered[given[returned, side]]
    high.remove(moved)
    if returned:
        high.append(low.pop(int(returned) - 1))
    low.append(moved)
    return True


def _sums(parts: Parts, sizes: Mapping[str, int]) -> list[int]:
    return [sum(sizes[name] for name in part) for part in parts]
