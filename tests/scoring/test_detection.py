"""Costs and error rates of detectors against values worked out by hand, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from pipeline.scoring import detection

LANGUAGES = ["a", "b", "c"]


def numbers(names: list[str]) -> NDArray[np.int64]:
    return np.array([LANGUAGES.index(name) for name in names])


def one_hot(names: list[str]) -> NDArray[np.float64]:
    return np.array([[float(name == language) for language in LANGUAGES] for name in names])


def test_a_log_ratio_compares_with_the_mean_of_the_others() -> None:
    ratios = detection.log_ratios(np.array([[0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]]))
    assert ratios[0] == pytest.approx(np.log([0.5 / 0.25, 0.3 / 0.35, 0.2 / 0.4]))
    assert ratios[1] == pytest.approx([0, 0, 0])


def test_certainty_gives_finite_log_ratios() -> None:
    assert np.isfinite(detection.log_ratios(one_hot(["a", "b", "c"]))).all()


def test_c_avg_of_a_table_worked_out_by_hand() -> None:
    # Accepted as a: both a, one of two b. As b: one of two b. As c: the c.
    actual, answers = ["a", "a", "b", "b", "c"], ["a", "a", "a", "b", "c"]
    by_target = [0 / 2 + (1 / 2 + 0) / 2 / 2, (1 / 2) / 2 + 0, 0]
    assert detection.c_avg(numbers(actual), one_hot(answers)) == pytest.approx(np.mean(by_target))


def test_c_avg_is_0_for_a_perfect_answer() -> None:
    actual = ["a", "b", "b", "c"]
    assert detection.c_avg(numbers(actual), one_hot(actual)) == 0


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
def test_c_avg_is_a_half_for_a_constant_answer(posterior: list[float]) -> None:
    # Each target is accepted always (no miss, all false alarms) or never (the reverse): 1/2 either way.
    actual = ["a", "a", "b", "c"]
    same = np.tile(np.array(posterior) / sum(posterior), (4, 1))
    assert detection.c_avg(numbers(actual), same) == pytest.approx(0.5)


def test_c_avg_does_not_depend_on_how_many_recordings_a_language_has() -> None:
    actual, answers = ["a", "a", "b", "b", "c"], ["a", "b", "b", "c", "c"]
    often = [
        (truth, answer) for truth, answer in zip(actual, answers, strict=True) for _ in range(7 if truth == "a" else 1)
    ]
    more = detection.c_avg(numbers([truth for truth, _ in often]), one_hot([answer for _, answer in often]))
    assert more == pytest.approx(detection.c_avg(numbers(actual), one_hot(answers)))


def crossing(is_target: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The equal error rate on the polygon that scikit-learn's ROC draws, segment by segment."""
    alarms, hits, _ = roc_curve(is_target, scores, drop_intermediate=False)
    gap = 1 - hits - alarms
    at = int(np.argmax(gap <= 0))
    part = gap[at - 1] / (gap[at - 1] - gap[at])
    return float(alarms[at - 1] + part * (alarms[at] - alarms[at - 1]))


@settings(deadline=None)
@given(st.data(), st.integers(1, 30), st.integers(1, 30))
def test_eer_is_where_scikit_learns_roc_crosses_the_diagonal(data: st.DataObject, targets: int, others: int) -> None:
    # Few distinct values, so that ties between targets and others are common.
    score = st.integers(-5, 5).map(float) | st.floats(-5, 5)
    scores = np.array(data.draw(st.lists(score, min_size=targets + others, max_size=targets + others)))
    is_target = np.arange(targets + others) < targets
    rate = detection.eer(is_target, scores)
    assert rate == pytest.approx(crossing(is_target, scores), abs=1e-9)
    ranks = np.unique(scores, return_inverse=True)[1].astype(float)
    assert detection.eer(is_target, ranks) == rate


def test_eer_at_the_ends_of_its_scale() -> None:
    is_target = np.array([False] * 7 + [True] * 4)
    scores = np.arange(11.0)
    assert detection.eer(is_target, scores) == 0
    assert detection.eer(is_target, -scores) == 1
    assert detection.eer(is_target, np.zeros(11)) == 0.5


def test_eer_of_chance_is_a_half() -> None:
    rng = np.random.default_rng(0)
    assert detection.eer(rng.random(20000) < 0.3, rng.random(20000)) == pytest.approx(0.5, abs=0.02)


def test_eer_worked_out_by_hand() -> None:
    # Above 0.4: of the targets 0.9, 0.8, 0.7 but not 0.3; of the others 0.6 but not 0.4, 0.2, 0.1.
    is_target = np.array([True, True, True, False, False, True, False, False])
    assert detection.eer(is_target, np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])) == 0.25


POSTERIORS = st.lists(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), min_size=6, max_size=6).map(
    lambda rows: np.array(rows) / np.sum(rows, axis=1, keepdims=True)
)
ACTUAL = ["a", "a", "b", "b", "c", "c"]


@given(POSTERIORS)
def test_the_lowest_c_avg_is_that_of_the_best_threshold(posteriors: NDArray[np.float64]) -> None:
    ratios, truth = detection.log_ratios(posteriors), np.array([0, 0, 1, 1, 2, 2])
    costs = []
    for threshold in [-np.inf, *np.unique(ratios)]:
        wrong = (ratios > threshold) != (truth[:, None] == np.arange(3))
        costs.append(detection.average_cost(detection.by_language(wrong.astype(float), truth)))
    lowest = detection.min_c_avg(numbers(ACTUAL), posteriors)
    assert lowest == pytest.approx(min(costs))
    assert lowest <= detection.c_avg(numbers(ACTUAL), posteriors) + 1e-12


@given(POSTERIORS)
def test_c_llr_is_the_mean_over_detectors_worked_out_in_steps(posteriors: NDArray[np.float64]) -> None:
    ratios, truth = detection.log_ratios(posteriors), np.array([0, 0, 1, 1, 2, 2])
    by_target = []
    for target in range(3):
        miss = np.mean([np.log2(1 + np.exp(-ratio)) for ratio in ratios[truth == target, target]])
        alarm = np.mean([np.log2(1 + np.exp(ratio)) for ratio in ratios[truth != target, target]])
        by_target.append((miss + alarm) / 2)  # both other languages have two recordings
    assert detection.c_llr(numbers(ACTUAL), posteriors) == pytest.approx(np.mean(by_target))


def test_c_llr_at_the_ends_of_its_scale() -> None:
    assert detection.c_llr(numbers(ACTUAL), one_hot(ACTUAL)) < 1e-6
    assert detection.c_llr(numbers(ACTUAL), np.full((6, 3), 1 / 3)) == pytest.approx(1)
    assert detection.c_llr(numbers(ACTUAL), one_hot(["b", "b", "c", "c", "a", "a"])) > 10


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=40))
def test_the_det_curve_is_scikit_learns_roc(answers: list[tuple[bool, int]]) -> None:
    is_target = np.array([target for target, _ in answers] + [True, False])
    scores = np.array([float(score) for _, score in answers] + [0.0, 0.0])
    misses, alarms = detection.det_curve(is_target, scores)
    false, hits, _ = roc_curve(is_target, scores, drop_intermediate=False)
    # Ours has the lowest threshold first, scikit-learn's the highest.
    assert misses == pytest.approx((1 - hits)[::-1])
    assert alarms == pytest.approx(false[::-1])
