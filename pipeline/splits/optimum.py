"""The optimum by SciPy's mixed-integer solver (HiGHS), and a bound that no division can beat.

    minimise   Σ price · |Σ amount · x - share|  +  Σ price of a large miss  +  Σ price of a missing language
    subject to every group in one bin: Σ x = 1, x ∈ {0, 1}

A limit on the nodes of the search tree ends it, not a limit on time: the result does not depend on the speed of the
machine.
"""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import bmat, csr_array, eye_array, kron

from pipeline.splits.greedy import UNFIXED
from pipeline.splits.quantities import MISSING_PRICE, STEEP_PRICE, TOLERANCE, Bins, Deal, Quantities

MAX_NODES = 200


def deal(quantities: Quantities, bins: Bins, fixed: Deal, rng: np.random.Generator) -> tuple[Deal | None, float]:
    """The best division found, None if the search ended before the first one; and the lower bound of the cost.

    Parameters
    ----------
    fixed
        Bin of each group that is decided already, or `UNFIXED`, shape (groups,).
    rng
        Shuffles the groups: among equally good divisions, the seed decides.
    """
    n_bins, n_groups = len(bins.shares), quantities.amounts.shape[0]
    order = rng.permutation(n_groups)
    amounts = csr_array(quantities.amounts[order])
    spoken = csr_array(amounts[:, : quantities.n_languages] > 0, dtype=float)
    n_misses, n_missing = amounts.shape[1] * n_bins, spoken.shape[1] * n_bins

    # Variables: x by group and bin, misses by quantity and bin, large misses and missing languages by language and bin.
    each_bin = eye_array(n_bins)
    sums, present = kron(amounts.T, each_bin), kron(spoken.T, each_bin)
    once = kron(eye_array(n_groups), np.ones((1, n_bins)))
    miss, absent = eye_array(n_misses), eye_array(n_missing)
    hours_miss = eye_array(n_missing, n_misses)  # hours come first
    matrix = bmat(
        [
            [once, None, None, None],
            [sums, -miss, None, None],
            [sums, miss, None, None],
            [None, hours_miss, -absent, None],
            [present, None, None, absent],
        ],
        format="csr",
    )
    wanted, endless = np.tile(bins.shares, amounts.shape[1]), np.full(n_misses, np.inf)
    constraint = LinearConstraint(
        matrix,
        np.concatenate([np.ones(n_groups), -endless, wanted, np.full(n_missing, -np.inf), np.ones(n_missing)]),
        np.concatenate([np.ones(n_groups), wanted, endless, np.full(n_missing, TOLERANCE), np.full(n_missing, np.inf)]),
    )
    costs = np.concatenate(
        [
            np.zeros(n_groups * n_bins),
            np.repeat(quantities.prices, n_bins),
            np.full(n_missing, STEEP_PRICE),
            MISSING_PRICE * np.tile(bins.needs, spoken.shape[1]),
        ]
    )
    lower, upper = np.zeros(len(costs)), np.full(len(costs), np.inf)
    choices = np.ones((n_groups, n_bins))
    decided = fixed[order]
    for at in np.flatnonzero(decided != UNFIXED):
        choices[at] = np.arange(n_bins) == decided[at]
    upper[: n_groups * n_bins] = choices.ravel()
    found = milp(
        costs,
        integrality=np.concatenate([np.ones(n_groups * n_bins), np.zeros(n_misses + 2 * n_missing)]),
        bounds=Bounds(lower, upper),
        constraints=constraint,
        options={"node_limit": MAX_NODES},
    )
    bound = max(float(found.mip_dual_bound), 0.0) if found.mip_dual_bound is not None else 0.0
    if found.x is None:
        return None, bound
    result = np.empty(n_groups, np.int64)
    result[order] = found.x[: n_groups * n_bins].reshape(n_groups, n_bins).argmax(axis=1)
    return result, bound
