"""Speakers are divided into parts as equal as possible."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.division import divide, lowest_ratios, ratio


def named(sizes: list[int]) -> dict[str, int]:
    return {f"s{number}": size for number, size in enumerate(sizes)}


def reached(sizes: dict[str, int], rest: int) -> float:
    return ratio([rest, *(sum(sizes[name] for name in part) for part in divide(sizes, rest))])


def optimum(sizes: list[int], rest: int, n_parts: int) -> float:
    """The lowest ratio of any division into this number of parts, by trying all."""
    found = []
    for places in itertools.product(range(n_parts), repeat=len(sizes)):
        sums = [0] * n_parts
        for place, size in zip(places, sizes, strict=True):
            sums[place] += size
        if all(sums):
            found.append(ratio([rest, *sums]))
    return min(found)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(1, 10**7), st.randoms())
def test_every_name_is_in_one_part_in_any_order_and_no_part_is_empty(sizes: list[int], rest: int, rng: Random) -> None:
    parts, items = divide(named(sizes), rest), list(named(sizes).items())
    assert sorted(name for part in parts for name in part) == sorted(named(sizes))
    assert all(parts)
    assert divide(dict(rng.sample(items, len(items))), rest) == parts


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.integers(1, 300))
def test_few_names_are_divided_almost_as_well_as_possible_and_no_division_is_below_its_bound(
    sizes: list[int], rest: int
) -> None:
    best = [optimum(sizes, rest, n_parts) for n_parts in range(1, len(sizes) + 1)]
    assert reached(named(sizes), rest) <= 1.35 * min(best)
    for bound, least in zip(lowest_ratios(sorted(sizes, reverse=True), rest), best, strict=True):
        assert bound <= least * (1 + 1e-9)


@given(st.lists(st.integers(1, 100), min_size=60, max_size=200), st.integers(500, 50_000))
def test_many_names_make_equal_classes_if_they_are_at_least_as_large_as_the_rest(sizes: list[int], rest: int) -> None:
    if sum(sizes) >= rest / 1.4:
        assert reached(named(sizes), rest) <= 1.5


@pytest.mark.parametrize(
    ("sizes", "rest", "parts"),
    [
        ([60, 10, 10, 10, 10], 20, (("s0",), ("s1", "s3"), ("s2", "s4"))),  # one name is too large for any division
        ([10, 10], 30, (("s0", "s1"),)),  # less than the rest: not divided
        ([7], 1, (("s0",),)),
    ],
)
def test_a_division_worked_out_by_hand(sizes: list[int], rest: int, parts: tuple[tuple[str, ...], ...]) -> None:
    assert divide(named(sizes), rest) == parts
