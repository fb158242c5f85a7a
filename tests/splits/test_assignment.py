"""Assignments are optimal if all can be tried, near the shares if not, and never move a group that is fixed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from pipeline.splits import assignment
from pipeline.splits.assignment import UNFIXED, Assignment, Parts, Quantities, assign

PARTS = Parts(np.array([0.65, 0.15, 0.2]), np.array([3.0, 1.0, 2.0]))


def quantities(hours: np.ndarray) -> Quantities:
    """Hours and speakers, one per group and language, of hours of shape (groups, languages)."""
    spoken = hours > 0
    amounts = np.hstack([hours / hours.sum(axis=0), spoken / spoken.sum(axis=0)])
    prices = [assignment.PRICES[kind] for kind in (assignment.HOURS, assignment.SPEAKERS)]
    return Quantities(csr_array(amounts), np.repeat(prices, hours.shape[1]), hours.shape[1])


def heavy_tailed(seed: int, groups: int, languages: int) -> Quantities:
    """Every group speaks at least one language, every language has a group."""
    rng = np.random.default_rng(seed)
    speaks = rng.random((groups, languages)) < 0.3
    speaks[np.arange(groups), np.arange(groups) % languages] = True
    return quantities(rng.lognormal(0, 1.5, (groups, languages)) * speaks)


def free(groups: int) -> Assignment:
    return np.full(groups, UNFIXED, np.int64)


def cost(problem: Quantities, assigned: Assignment) -> float:
    """The price of all misses, as the module defines it."""
    amounts, n = problem.amounts.toarray(), problem.n_languages
    sums = np.stack([amounts[assigned == number].sum(axis=0) for number in range(len(PARTS.shares))])
    missed = np.abs(sums - PARTS.shares[:, None])
    steep = np.maximum(missed[:, :n] - assignment.TOLERANCE, 0).sum()
    missing = ((sums[:, :n] == 0) * PARTS.needs[:, None]).sum()
    return float((missed @ problem.prices).sum() + assignment.STEEP_PRICE * steep + assignment.MISSING_PRICE * missing)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(1, 7), st.integers(1, 3))
def test_a_few_groups_are_assigned_at_the_lowest_cost(seed: int, groups: int, languages: int) -> None:
    count = max(groups, languages)
    problem = heavy_tailed(seed, count, languages)
    assigned, search = assign(problem, PARTS, free(count), seed)
    least = min(cost(problem, np.array(choice)) for choice in itertools.product(range(3), repeat=count))
    assert cost(problem, assigned) == pytest.approx(least, abs=1e-3)
    assert search.bound <= least + 1e-6


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 999), st.integers(3, 40), st.integers(1, 3), st.sampled_from([20, 1000]), st.data())
def test_the_result_has_its_cost_leaves_what_is_fixed_and_comes_again(
    seed: int, groups: int, languages: int, max_units: int, data: st.DataObject
) -> None:
    problem = heavy_tailed(seed, groups, languages)
    fixed = np.array(data.draw(st.lists(st.sampled_from([UNFIXED, 0, 1, 2]), min_size=groups, max_size=groups)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "MAX_UNITS", max_units)
        assigned, search = assign(problem, PARTS, fixed, seed)
        assert np.array_equal(assigned, assign(problem, PARTS, fixed, seed)[0])
    assert set(assigned) <= {0, 1, 2}
    assert np.array_equal(assigned[fixed != UNFIXED], fixed[fixed != UNFIXED])
    assert search.bound <= search.solver == pytest.approx(cost(problem, assigned), abs=1e-5)


def test_more_groups_than_are_placed_at_once_come_near_the_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MAX_UNITS", 60)
    rare = np.zeros((300, 1))
    rare[:3] = 1  # all three speakers of a language are apart
    hours = np.hstack([np.random.default_rng(0).lognormal(0, 1, (300, 1)), rare])
    assigned, search = assign(quantities(hours), PARTS, free(300), 0)
    assert set(assigned[:3]) == {0, 1, 2}
    shares = np.bincount(assigned, hours[:, 0]) / hours[:, 0].sum()
    assert shares == pytest.approx(PARTS.shares, abs=0.01)
    assert search.bound == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_search_that_ends_too_early_leaves_no_language_out(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MAX_NODES", 0)
    problem = heavy_tailed(seed, 300, 3)
    assigned, search = assign(problem, PARTS, free(300), seed)
    assert search.solver == pytest.approx(cost(problem, assigned), abs=1e-5)
    assert search.solver < 1  # a missing language costs at least 10
