"""Numbers divided into parts of nearly equal sums, as many as come closest to another number."""

import heapq
from collections.abc import Collection, Mapping

import numpy as np

MAX_TRIALS = 32  # numbers of parts to try, in the order of the ratio that each could reach at best
MAX_EXCHANGES = 1000  # between the parts of one trial
EVEN = 1.01  # ratio of parts that need no exchange; reached at once if no name has a large share

Parts = list[list[str]]


def ratio(sizes: Collection[float]) -> float:
    """Return the largest of several sizes divided by the smallest.

    Examples
    --------
    >>> ratio([3, 2, 4])
    2.0
    """
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
    heap = [(0, number) for number in range(n_parts)]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        total, number = heap[0]
        heapq.heapreplace(heap, (total + sizes[name], number))
        parts[number].append(name)
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
    for high, low in pairs:
        if pick := _best_pick(parts[high], parts[low], sums[high] - sums[low], sizes):
            given, returned = pick
            parts[high].remove(given)
            parts[low].append(given)
            if returned is not None:
                parts[low].remove(returned)
                parts[high].append(returned)
            return True
    return False


def _best_pick(high: list[str], low: list[str], gap: int, sizes: Mapping[str, int]) -> tuple[str, str | None] | None:
    """Return the name of `high`, and the one of `low` or none in return, that most nearly close the gap, if any do."""
    if len(high) == 1:  # its move or swap would turn the gap round
        return None
    ordered = sorted(high, key=lambda name: (sizes[name], name))
    by_size = np.array([sizes[name] for name in ordered])
    back = np.array([0, *(sizes[name] for name in low)])
    nearest = np.searchsorted(by_size, back + gap / 2)
    given = np.clip(nearest[:, None] - [1, 0], 0, len(high) - 1)
    left = np.abs(gap - 2 * (by_size[given] - back[:, None]))
    returned, side = np.unravel_index(left.argmin(), left.shape)
    return (ordered[given[returned, side]], [None, *low][returned]) if left[returned, side] < gap else None


def _sums(parts: Parts, sizes: Mapping[str, int]) -> list[int]:
    return [sum(sizes[name] for name in part) for part in parts]
