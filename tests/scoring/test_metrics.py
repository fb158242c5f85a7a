"""Scores against values worked out by hand, and at the ends of their scales."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.scoring import metrics

LANGUAGES = ["a", "b", "c"]


def one_hot(names: list[str]) -> NDArray[np.float64]:
    return np.array([[float(name == language) for language in LANGUAGES] for name in names])


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
