"""A near-linear heuristic: groups are dealt longest first, then moved one by one as long as that lowers the cost.

It is the start of the search for the optimum, and its result if there are too many groups for the solver.
"""

import itertools

import numpy as np

from pipeline.splits.quantities import MISSING_PRICE, STEEP_PRICE, TOLERANCE, Bins, Deal, Quantities

UNFIXED = -1
MAX_PASSES = 10  # over all groups, in search of moves that lower the cost
MANY_GROUPS = 2000  # above, fewer orders are tried
TRIALS, TRIALS_OF_MANY = 8, 2  # orders

Row = list[tuple[int, float]]  # of a group: quantities and amounts


def deal(quantities: Quantities, bins: Bins, fixed: Deal, rng: np.random.Generator) -> Deal:
    """The best of some deals, each in another order.

    Parameters
    ----------
    fixed
        Bin of each group that is decided already, or `UNFIXED`, shape (groups,).
    """
    rows = _rows(quantities)
    trials = TRIALS if len(rows) <= MANY_GROUPS else TRIALS_OF_MANY
    largest = quantities.amounts[:, : quantities.n_languages].max(axis=1).toarray().ravel()
    deals = []
    for trial in range(trials):
        jitter = rng.uniform(1, 2, len(rows)) if trial >= TRIALS_OF_MANY else 1
        order = np.lexsort((rng.permutation(len(rows)), -largest * jitter))
        deals.append(_Table(quantities, bins, rows).dealt(order.tolist(), fixed.tolist(), relative=trial % 2 == 1))
    return min(deals, key=lambda found: quantities.cost(found, bins))


def _rows(quantities: Quantities) -> list[Row]:
    amounts = quantities.amounts
    entries = list(zip(amounts.indices.tolist(), amounts.data.tolist(), strict=True))
    edges = amounts.indptr.tolist()
    return [entries[first:last] for first, last in itertools.pairwise(edges)]


class _Table:
    """Sums of each quantity in each bin while groups are dealt, in plain lists: a group touches only a few of them."""

    def __init__(self, quantities: Quantities, bins: Bins, rows: list[Row]) -> None:
        self.rows = rows
        self.shares, self.needs = bins.shares.tolist(), (MISSING_PRICE * bins.needs).tolist()
        self.prices, self.n_languages = quantities.prices.tolist(), quantities.n_languages
        self.sums = [[0.0] * len(self.prices) for _ in self.shares]
        self.speaking = [[0] * self.n_languages for _ in self.shares]  # groups per language

    def dealt(self, order: list[int], fixed: list[int], relative: bool) -> Deal:
        """Deal groups in this order and improve the result."""
        into = list(fixed)
        for number, name in enumerate(fixed):
            if name != UNFIXED:
                self._put(number, name, 1)
        free = [number for number in order if fixed[number] == UNFIXED]
        for number in free:
            lacks = [self._lack(number, name, relative) for name in range(len(self.shares))]
            into[number] = lacks.index(max(lacks))
            self._put(number, into[number], 1)
        for _ in range(MAX_PASSES):
            if not self._improve(free, into):
                break
        return np.array(into, np.int64)

    def _improve(self, free: list[int], into: list[int]) -> bool:
        """Move every group to the bin with the lowest cost; tell if any moved."""
        improved = False
        for number in reversed(free):  # small ones first: they fill what is missing exactly
            here = into[number]
            self._put(number, here, -1)
            costs = [self._added(number, name) for name in range(len(self.shares))]
            best = costs.index(min(costs))
            if costs[best] < costs[here] - 1e-12:
                into[number], improved = best, True
            self._put(number, into[number], 1)
        return improved

    def _lack(self, number: int, name: int, relative: bool) -> float:
        """How much of the group a bin lacks; relative to its share, no bin stays empty."""
        sums, share = self.sums[name], self.shares[name]
        lack = 0.0
        for at, amount in self.rows[number]:
            lack += self.prices[at] * (share - sums[at]) * amount
        return lack / share if relative else lack

    def _added(self, number: int, name: int) -> float:
        """Cost that the group adds in a bin."""
        sums, share, added = self.sums[name], self.shares[name], 0.0
        for at, amount in self.rows[number]:
            before, after = abs(sums[at] - share), abs(sums[at] - share + amount)
            added += self.prices[at] * (after - before)
            if at < self.n_languages:
                added += STEEP_PRICE * (max(after - TOLERANCE, 0) - max(before - TOLERANCE, 0))
                if not self.speaking[name][at]:
                    added -= self.needs[name]
        return added

    def _put(self, number: int, name: int, sign: int) -> None:
        sums, speaking = self.sums[name], self.speaking[name]
        for at, amount in self.rows[number]:
            sums[at] += sign * amount
            if at < self.n_languages:
                speaking[at] += sign
