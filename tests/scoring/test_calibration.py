"""The temperature makes confidences honest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.scoring import calibration, metrics
from pipeline.streaming.decision import Rule

RNG = np.random.default_rng(1)
HONEST = RNG.dirichlet([1, 1, 1], 6000)
TRUTH = (HONEST.cumsum(axis=1) > RNG.random((6000, 1))).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.2, 1, 5])
def test_the_temperature_is_found_again(temperature: float) -> None:
    found = calibration.fit(np.log(HONEST) * temperature, TRUTH, Rule(), refuse=0)
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.unknown_below == 0


@pytest.mark.parametrize("mean", ["log", "plain"])
def test_calibrated_answers_have_a_smaller_error_and_the_same_ranking(mean: params.Mean) -> None:
    sharp = Rule(temperature=0.2).answer(np.log(HONEST))
    means = np.log(sharp) if mean == "log" else sharp
    before = Rule(mean=mean)
    errors = []
    for rule in (before, calibration.fit(means, TRUTH, before, refuse=0)):
        posteriors = rule.answer(means)
        assert (posteriors.argmax(axis=1) == HONEST.argmax(axis=1)).all()
        errors.append(metrics.expected_error(posteriors.max(axis=1), HONEST.argmax(axis=1) == TRUTH))
    assert errors[1] < 0.03 < errors[0]


@given(st.floats(0.01, 0.5), st.integers(0, 99))
def test_the_share_of_right_answers_that_is_given_up_is_as_asked(refuse: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    means, truth = np.log(rng.dirichlet([1, 1, 1], 300)), rng.integers(3, size=300)
    rule = calibration.fit(means, truth, Rule(), refuse)
    posteriors = rule.answer(means)
    right = posteriors.argmax(axis=1) == truth
    refused = (posteriors.max(axis=1) < rule.unknown_below)[right]
    assert refused.mean() == pytest.approx(refuse, abs=1.5 / right.sum())


def test_without_recordings_nothing_is_fitted() -> None:
    assert calibration.fit(np.zeros((0, 2)), np.zeros(0, int), Rule(), refuse=0.1) == Rule()
