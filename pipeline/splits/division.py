"""Division of groups among bins, near the optimum: languages that share no group are divided one after another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from pipeline.splits import greedy, optimum
from pipeline.splits.greedy import UNFIXED
from pipeline.splits.quantities import Bins, Deal, Quantities

MAX_SOLVED = 1000  # groups that the solver places at once: some seconds


@dataclass(frozen=True)
class Search:
    """How a division was found. Costs are sums of prices of misses, as in `quantities`.

    Attributes
    ----------
    groups
        Number of groups.
    heuristic, solver
        Cost of the heuristic's division, and of the better of it and the solver's.
    bound
        No division costs less.
    """

    groups: int
    heuristic: float
    solver: float
    bound: float

    def __str__(self) -> str:
        return (
            f"missed shares of {self.groups:,} groups, weighted: {self.solver:.4f}; at least {self.bound:.4f} for any "
            f"division; by the heuristic alone {self.heuristic:.4f}"
        )


def divide(quantities: Quantities, bins: Bins, fixed: Deal, seed: int) -> tuple[Deal, Search]:
    """Divide groups among bins.

    Parameters
    ----------
    fixed
        Bin of each group that is decided already, or `UNFIXED`, shape (groups,).
    """
    deal = fixed.copy()
    heuristic = solver = bound = 0.0
    for groups, languages in _independent(quantities):
        part = quantities.part(groups, languages)
        rng = np.random.default_rng([seed, len(groups)])
        start = greedy.deal(part, bins, fixed[groups], rng)
        best, least = _improved(part, bins, start, fixed[groups], rng)
        deal[groups] = best
        heuristic, solver, bound = heuristic + part.cost(start, bins), solver + part.cost(best, bins), bound + least
    costs = (round(cost, 6) for cost in (heuristic, solver, min(bound, solver)))
    return deal, Search(len(deal), *costs)


def _independent(quantities: Quantities) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Groups and languages of each part of the corpus that shares no group with the others."""
    speaks = quantities.amounts[:, : quantities.n_languages]
    count, language_part = connected_components(speaks.T @ speaks, directed=False)
    first_language = np.maximum.reduceat(speaks.indices, speaks.indptr[:-1])
    group_part = language_part[first_language]
    return [(np.flatnonzero(group_part == at), np.flatnonzero(language_part == at)) for at in range(count)]


def _improved(part: Quantities, bins: Bins, start: Deal, fixed: Deal, rng: np.random.Generator) -> tuple[Deal, float]:
    """The better of a division and the solver's, and the bound. Of many groups, the solver only places some again."""
    size = len(start)
    if size > MAX_SOLVED:
        by_size = np.argsort(-part.amounts[:, : part.n_languages].sum(axis=1), kind="stable")
        free = by_size[np.linspace(0, size - 1, MAX_SOLVED).astype(int)]  # large and small ones
        fixed = np.where(np.isin(np.arange(size), free) & (fixed == UNFIXED), UNFIXED, start)
    found, bound = optimum.deal(part, bins, fixed, rng)
    if size > MAX_SOLVED:
        bound = 0.0  # the solver's holds for these places of the others only
    return (start if found is None else min(start, found, key=lambda deal: part.cost(deal, bins))), bound
