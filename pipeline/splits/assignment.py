"""Assignment of groups to parts (splits or folds), as close to the requested shares as SciPy's solver (HiGHS) gets.

    minimise   Σ price · |Σ amount · x - share|  +  Σ price of a large miss  +  Σ price of a missing language
    subject to every group in one part: Σ x = 1, x ∈ {0, 1}

    quantity                                       price of a miss
    hours of a language                            1, and 3 more beyond 4 points of its share
    speakers of a language                         0.4
    hours of a language with one value of a        0.1 per column, divided among its values by their hours
    column (`source`, `split.stratify`)

Hours come first, but a split may miss them by up to 4 points if that gives it more voices: otherwise two talkative
speakers could be all of a language's training data, although others could join them.

Languages that share no group are solved one after another. A limit on the nodes of the search tree ends the search, not
a limit on time: the result does not depend on the speed of the machine.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import bmat, coo_array, csr_array, eye_array, kron
from scipy.sparse.csgraph import connected_components

from pipeline.rows import RecordingRow

UNFIXED = -1  # group whose part is not decided yet
TOLERANCE = 0.04  # of the share of hours
STEEP_PRICE = 3.0  # of hours missed beyond it
MISSING_PRICE = 10.0  # of a part without a language; above any sum of misses of one language
HOURS, SPEAKERS, STRATUM = 0, 1, 2  # kinds of quantities, in this order
PRICES = {HOURS: 1.0, SPEAKERS: 0.4, STRATUM: 0.1}
MAX_NODES = 200
MAX_UNITS = 1000  # placed at once, in some seconds; of more groups, some share a unit

Assignment = NDArray[np.int64]  # part of each group, shape (groups,)


class Parts(NamedTuple):
    """Splits or folds. With too few groups of a language, the part with the lowest need goes without."""

    shares: NDArray[np.float64]  # requested, of every quantity, shape (parts,)
    needs: NDArray[np.float64]  # of every language, relative to the other parts, shape (parts,)


class Quantities(NamedTuple):
    """The amount of each quantity that each group has. Hours of the languages come first."""

    amounts: csr_array  # shares of the whole quantity, shape (groups, quantities)
    prices: NDArray[np.float64]  # of a miss, shape (quantities,)
    n_languages: int  # number of quantities that are hours of a language


class Search(NamedTuple):
    """How good an assignment is. Costs are sums of the prices of misses."""

    groups: int  # number
    solver: float  # cost of the assignment
    bound: float  # lower bound of the cost of any; 0 if groups share units

    def __str__(self) -> str:
        least = f"at least {self.bound:.4f} for any assignment"
        return f"missed shares of {self.groups:,} groups, weighted: {self.solver:.4f}; {least}"


def quantities(recordings: Sequence[RecordingRow], group: NDArray[np.int64], columns: Iterable[str]) -> Quantities:
    """Return the quantities of recordings in these groups; hours are stratified by `columns` of the corpus table."""
    entries: list[tuple[tuple[Any, ...], int, float]] = []  # quantity, group, amount
    seen: set[tuple[str, str]] = set()
    for row, number in zip(recordings, group.tolist(), strict=True):
        entries.append(((HOURS, row.language), number, row.duration_s))
        if (row.language, row.speaker) not in seen:
            seen.add((row.language, row.speaker))
            entries.append(((SPEAKERS, row.language), number, 1))
        strata = ((STRATUM, row.language, column, row.extra.get(column, "")) for column in columns)
        entries += [(stratum, number, row.duration_s) for stratum in strata]
    keys, numbers, values = zip(*entries, strict=True)
    names = sorted(set(keys))
    place = {name: at for at, name in enumerate(names)}
    amounts = coo_array((values, (numbers, [place[key] for key in keys]))).tocsr()
    totals = np.asarray(amounts.sum(axis=0))
    share = [totals[place[name]] / totals[place[HOURS, name[1]]] if name[0] == STRATUM else 1 for name in names]
    return Quantities(
        csr_array(amounts.multiply(1 / totals)),
        np.array([PRICES[name[0]] for name in names]) * share,
        sum(name[0] == HOURS for name in names),
    )


def assign(given: Quantities, parts: Parts, fixed: Assignment, seed: int) -> tuple[Assignment, Search]:
    """Assign groups to parts.

    Parameters
    ----------
    fixed
        Part of each group that is decided already, or `UNFIXED`, shape (groups,).
    """
    assignment, cost, bound = fixed.copy(), 0.0, 0.0
    spoken = given.amounts[:, : given.n_languages]
    n_components, component_of = connected_components(spoken.T @ spoken, directed=False)
    component_of = component_of[spoken.indices[spoken.indptr[:-1]]]  # by group: that of any of its languages
    for component in range(n_components):
        groups = np.flatnonzero(component_of == component)
        amounts = given.amounts[groups]
        present = np.flatnonzero(np.diff(amounts.tocsc().indptr))
        n_languages = int(np.count_nonzero(present < given.n_languages))
        unit, fixed_units = _units(amounts[:, present[:n_languages]], fixed[groups])
        joined = coo_array((np.ones(len(groups)), (unit, np.arange(len(groups))))).tocsr() @ amounts[:, present]
        units = Quantities(joined, given.prices[present], n_languages)
        rng = np.random.default_rng([seed, len(groups)])
        found, found_cost, found_bound = _solve(units, parts, fixed_units, rng.permutation(len(fixed_units)))
        assignment[groups] = found[unit]
        alone = np.count_nonzero(fixed[groups] == UNFIXED) <= MAX_UNITS
        cost, bound = cost + found_cost, bound + (found_bound if alone else 0)
    return assignment, Search(len(assignment), round(cost, 6), round(min(bound, cost), 6))


def _units(hours: csr_array, fixed: Assignment) -> tuple[NDArray[np.int64], Assignment]:
    """Return the unit of each group, and the part of each unit: at most `MAX_UNITS` and one per part are placed.

    Up to `MAX_UNITS` groups that are not fixed are units of their own. Of more, those of a unit have the same main
    language, and long ones are apart from each other.
    """
    by_size = np.lexsort((-hours.max(axis=1).toarray().ravel(), hours.argmax(axis=1)))
    by_size = by_size[fixed[by_size] == UNFIXED]
    unit = MAX_UNITS + fixed
    unit[by_size] = np.arange(len(by_size)) % MAX_UNITS
    _, first, unit = np.unique(unit, return_index=True, return_inverse=True)
    return unit, fixed[first]


def _solve(
    given: Quantities, parts: Parts, fixed: Assignment, order: NDArray[np.int64]
) -> tuple[Assignment, float, float]:
    """Return the best assignment found, its cost, and a lower bound of any.

    Parameters
    ----------
    order
        Permutation of the groups: of equally good assignments, it decides.
    """
    n_parts, n_groups = len(parts.shares), len(order)
    amounts = csr_array(given.amounts[order])
    spoken = csr_array(amounts[:, : given.n_languages] > 0, dtype=float)
    n_misses, n_missing = amounts.shape[1] * n_parts, spoken.shape[1] * n_parts

    # Variables: x by group and part, misses by quantity and part, large misses and absences by language and part.
    each_part, miss, absent = eye_array(n_parts), eye_array(n_misses), eye_array(n_missing)
    once = kron(eye_array(n_groups), np.ones((1, n_parts)))
    sums, present = kron(amounts.T, each_part), kron(spoken.T, each_part)
    matrix = bmat(
        [
            [once, None, None, None],
            [sums, -miss, None, None],
            [sums, miss, None, None],
            [None, eye_array(n_missing, n_misses), -absent, None],
            [present, None, None, absent],
        ],
        format="csr",
    )
    wanted, endless = np.tile(parts.shares, amounts.shape[1]), np.full(n_misses, np.inf)
    lower = [np.ones(n_groups), -endless, wanted, np.full(n_missing, -np.inf), np.ones(n_missing)]
    upper = [np.ones(n_groups), wanted, endless, np.full(n_missing, TOLERANCE), np.full(n_missing, np.inf)]
    constraints = LinearConstraint(matrix, np.concatenate(lower), np.concatenate(upper))
    steep, missing = np.full(n_missing, STEEP_PRICE), MISSING_PRICE * np.tile(parts.needs, spoken.shape[1])
    costs = np.concatenate([np.zeros(n_groups * n_parts), np.repeat(given.prices, n_parts), steep, missing])
    allowed = (fixed[order, None] == UNFIXED) | (fixed[order, None] == np.arange(n_parts))
    highest = np.full(len(costs), np.inf)
    highest[: allowed.size] = allowed.ravel()

    whole = np.arange(len(costs)) < allowed.size
    options = {"node_limit": MAX_NODES}
    found = milp(costs, integrality=whole, bounds=Bounds(0, highest), constraints=constraints, options=options)
    solved = found.x is not None
    if not solved:  # no assignment in so few nodes: the nearest to the one that may divide groups
        found = milp(costs, bounds=Bounds(0, highest), constraints=constraints)
    assignment = np.empty(n_groups, np.int64)
    assignment[order] = found.x[: allowed.size].reshape(allowed.shape).argmax(axis=1)
    if not solved:
        return _solve(given, parts, assignment, order)
    return assignment, float(found.fun), max(float(found.mip_dual_bound), 0.0)
