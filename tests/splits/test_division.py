"""The division is never worse than the heuristic nor better than the bound, and optimal if all can be tried."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from pipeline.splits import division, greedy, optimum
from pipeline.splits.division import divide
from pipeline.splits.greedy import UNFIXED
from pipeline.splits.quantities import SPEAKERS_PRICE, Bins, Quantities

BINS = Bins(np.array([0.65, 0.15, 0.2]), np.array([3.0, 1.0, 2.0]))


def quantities(hours: np.ndarray) -> Quantities:
    """Hours and speakers, one per group and language, of hours of shape (groups, languages)."""
    spoken = hours > 0
    amounts = np.hstack([hours / hours.sum(axis=0), spoken / spoken.sum(axis=0)])
    prices = np.repeat([1.0, SPEAKERS_PRICE], hours.shape[1])
    return Quantities(csr_array(amounts), prices, hours.shape[1])


def heavy_tailed(seed: int, groups: int, languages: int) -> np.ndarray:
    """Every group speaks at least one language, every language has a group."""
    rng = np.random.default_rng(seed)
    speaks = rng.random((groups, languages)) < 0.3
    speaks[np.arange(groups), np.arange(groups) % languages] = True
    hours: np.ndarray = rng.lognormal(0, 1.5, (groups, languages)) * speaks
    return hours


def free(groups: int) -> np.ndarray:
    return np.full(groups, UNFIXED, np.int64)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(1, 7), st.integers(1, 3))
def test_a_few_groups_are_divided_at_the_lowest_cost(seed: int, groups: int, languages: int) -> None:
    problem = quantities(heavy_tailed(seed, max(groups, languages), languages))
    count = problem.amounts.shape[0]
    deal, search = divide(problem, BINS, free(count), seed)
    least = min(
        problem.cost(np.array(choice), BINS) for choice in itertools.product(range(len(BINS.shares)), repeat=count)
    )
    assert problem.cost(deal, BINS) == pytest.approx(least, abs=1e-3)
    assert search.bound <= least + 1e-6


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 999), st.integers(3, 40), st.integers(1, 3))
def test_the_search_improves_the_heuristic_and_stays_above_the_bound(seed: int, groups: int, languages: int) -> None:
    problem = quantities(heavy_tailed(seed, groups, languages))
    deal, search = divide(problem, BINS, free(groups), seed)
    assert search.bound <= search.solver <= search.heuristic
    assert search.solver == pytest.approx(problem.cost(deal, BINS), abs=1e-6)
    assert np.array_equal(deal, divide(problem, BINS, free(groups), seed)[0])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(3, 40), st.data())
def test_what_is_decided_stays(seed: int, groups: int, data: st.DataObject) -> None:
    fixed = np.array(data.draw(st.lists(st.sampled_from([UNFIXED, 0, 1, 2]), min_size=groups, max_size=groups)))
    deal, _ = divide(quantities(heavy_tailed(seed, groups, 2)), BINS, fixed, seed)
    assert np.array_equal(deal[fixed != UNFIXED], fixed[fixed != UNFIXED])
    assert set(deal) <= {0, 1, 2}


def test_more_groups_than_the_solver_takes_are_divided_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "MAX_SOLVED", 20)
    problem = quantities(heavy_tailed(0, 200, 2))
    deal, search = divide(problem, BINS, free(200), 0)
    assert set(deal) == {0, 1, 2}
    assert search.bound == 0
    assert search.solver < search.heuristic


def test_languages_without_a_common_group_are_divided_one_by_one() -> None:
    hours = np.kron(np.eye(2), np.ones((8, 1)))
    deal, search = divide(quantities(hours), BINS, free(16), 0)
    one = divide(quantities(np.ones((8, 1))), BINS, free(8), 0)[1]
    assert search.solver == pytest.approx(2 * one.solver)
    assert np.bincount(deal[:8]).tolist() == np.bincount(deal[8:]).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_the_heuristic_alone_leaves_no_language_out(seed: int) -> None:
    problem = quantities(heavy_tailed(seed, 300, 3))
    deal = greedy.deal(problem, BINS, free(300), np.random.default_rng(seed))
    assert problem.cost(deal, BINS) < 1  # a missing language costs at least 10


def test_a_solver_that_finds_nothing_leaves_the_heuristics_division(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimum, "deal", lambda *_: (None, 0.0))
    _, search = divide(quantities(heavy_tailed(0, 30, 1)), BINS, free(30), 0)
    assert search.solver == search.heuristic
