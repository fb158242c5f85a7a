"""SoX's rule gives the same starts and stops for blocks of any size. `test_sox` compares them with SoX."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Samples
from pipeline.silence.compiled import CompiledRule
from pipeline.silence.rule import SoxRule

RATE = 16000
RULES = (SoxRule, CompiledRule)


@pytest.mark.parametrize("make", RULES)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 30_000), max_size=30))
def test_the_size_of_blocks_does_not_matter(
    babble: Callable[[int, int], Samples], make: type[SoxRule], seed: int, cuts: list[int]
) -> None:
    signal = babble(seed, 30_000)
    whole, rule, changes = SoxRule(RATE, 1.0), make(RATE, 1.0), list[tuple[bool, int]]()
    for block in np.split(signal, sorted(cuts)):
        undecided = rule.undecided
        found = rule.accept(block)
        assert all(sample >= undecided for _, sample in found)  # a decision is never taken back
        changes += found
    assert changes == whole.accept(signal)
    assert (rule.n_samples, rule.open, rule.undecided) == (30_000, whole.open, whole.undecided)


@given(seed=st.integers(0, 2**32), rate=st.sampled_from([8000, 11_025, 16_000]), threshold=st.floats(0.05, 30.0))
def test_the_compiled_rule_is_the_rule_and_starts_and_stops_alternate(
    babble: Callable[[int, int], Samples], seed: int, rate: int, threshold: float
) -> None:
    signal = babble(seed, 20_000)
    changes = CompiledRule(rate, threshold).accept(signal)
    assert changes == SoxRule(rate, threshold).accept(signal)
    assert [starts for starts, _ in changes] == [number % 2 == 0 for number in range(len(changes))]
    assert all(first < second for (_, first), (_, second) in itertools.pairwise(changes))
