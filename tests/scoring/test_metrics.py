"""Scores, costs and error rates against values worked out by hand; the temperature makes confidences honest."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.scoring import calibration, detection, metrics
from pipeline.streaming.decision import Rule

LANGUAGES = ["a", "b", "c"]
ACTUAL = ["a", "a", "b", "b", "c", "c"]
TRUTH = np.array([0, 0, 1, 1, 2, 2])
POSTERIORS = st.lists(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), min_size=6, max_size=6).map(
    lambda rows: np.array(rows) / np.sum(rows, axis=1, keepdims=True)
)


def one_hot(names: list[str]) -> NDArray[np.float64]:
    return np.array([[float(name == language) for language in LANGUAGES] for name in names])


@example(one_hot(["b", "b", "c", "c", "a", "a"]))  # always wrong
@given(POSTERIORS)
def test_costs_are_means_over_detectors_worked_out_in_steps(posteriors: NDArray[np.float64]) -> None:
    ratios = detection.log_ratios(posteriors)

    def average(errors: NDArray[np.float64]) -> float:
        """The mean over targets; both other languages have two recordings."""
        by_target = [(errors[t == TRUTH, t].mean() + errors[t != TRUTH, t].mean()) / 2 for t in range(3)]
        return float(np.mean(by_target))

    is_target = TRUTH[:, None] == np.arange(3)
    by_threshold = [average((ratios > limit) != is_target) for limit in [-np.inf, *np.unique(ratios)]]
    found = metrics.score(ACTUAL, ACTUAL, posteriors, LANGUAGES)
    assert found["c_avg"] == pytest.approx(average((ratios > 0) != is_target))
    assert found["min_c_avg"] == pytest.approx(min(by_threshold))
    assert found["min_c_avg"] <= found["c_avg"] + 1e-12
    assert found["c_llr"] == pytest.approx(average(np.log2(1 + np.exp(np.where(is_target, -ratios, ratios)))))


def test_eer_worked_out_by_hand_and_at_the_ends_of_its_scale() -> None:
    # Above 0.4: of the targets 0.9, 0.8, 0.7 but not 0.3; of the others 0.6 but not 0.4, 0.2, 0.1.
    is_target = np.array([True, True, True, False, False, True, False, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])
    assert detection.eer(is_target, scores) == pytest.approx(0.25)
    assert detection.eer(is_target, is_target.astype(float)) == 0
    assert detection.eer(is_target, -is_target.astype(float)) == 1
    assert detection.eer(is_target, np.zeros(8)) == 0.5
    ranks = np.unique(scores, return_inverse=True)[1].astype(float)
    assert detection.eer(is_target, ranks) == 0.25


def test_precision_recall_f1_and_confusion_worked_out_by_hand() -> None:
    actual = ["a", "a", "a", "a", "b", "c", "c"]
    predicted = ["a", "a", "b", "undecided", "b", "a", "b"]
    scores = metrics.score(actual, predicted, one_hot(actual), LANGUAGES)
    assert scores["recall"] == {"a": 0.5, "b": 1.0, "c": 0.0}
    assert scores["precision"] == pytest.approx({"a": 2 / 3, "b": 1 / 3, "c": 0.0})
    assert scores["f1"] == pytest.approx({"a": 4 / 7, "b": 0.5, "c": 0.0})
    assert (scores["recording_accuracy"], scores["macro_recall"]) == (3 / 7, 0.5)
    assert metrics.confusion(actual, predicted, LANGUAGES) == {
        "a": {"a": 2, "b": 1, "c": 0, "undecided": 1},
        "b": {"a": 0, "b": 1, "c": 0, "undecided": 0},
        "c": {"a": 1, "b": 1, "c": 0, "undecided": 0},
    }
    assert metrics.confusion([], [], ["a"]) == {"a": {"a": 0}}


def test_the_scores_of_a_perfect_answer() -> None:
    actual = ["a", "b", "b", "c"]
    # Rows that do not sum to 1, as those of `label` without its class for silence.
    perfect = metrics.score(actual, actual, one_hot(actual) * 0.5, LANGUAGES)
    assert perfect.pop("c_llr") == pytest.approx(0, abs=1e-6)
    ones, zeros = dict.fromkeys(LANGUAGES, 1), dict.fromkeys(LANGUAGES, 0)
    assert perfect == {
        **dict.fromkeys(("recording_accuracy", "macro_recall", "macro_f1"), 1),
        **dict.fromkeys(("recall", "precision", "f1"), ones),
        **dict.fromkeys(("c_avg", "min_c_avg", "ece"), 0),
        "eer": zeros,
    }


RNG = np.random.default_rng(1)
HONEST = RNG.dirichlet([1, 1, 1], 6000)
SPOKEN = (HONEST.cumsum(axis=1) > RNG.random((6000, 1))).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.2, 1, 5])
def test_the_temperature_is_found_again(temperature: float) -> None:
    found = calibration.fit(np.log(HONEST) * temperature, SPOKEN, Rule(), refuse=0)
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.unknown_below == 0


@pytest.mark.parametrize("mean", ["log", "plain"])
def test_calibrated_answers_have_a_smaller_error_and_the_same_ranking(mean: params.Mean) -> None:
    sharp = Rule(temperature=0.2).answer(np.log(HONEST))
    means = np.log(sharp) if mean == "log" else sharp
    before = Rule(mean=mean)
    errors = []
    for rule in (before, calibration.fit(means, SPOKEN, before, refuse=0)):
        posteriors = rule.answer(means)
        assert (posteriors.argmax(axis=1) == HONEST.argmax(axis=1)).all()
        errors.append(metrics.expected_error(posteriors.max(axis=1), HONEST.argmax(axis=1) == SPOKEN))
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
