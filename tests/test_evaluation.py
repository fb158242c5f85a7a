"""What only a stream shows, on courses written by hand."""

from typing import Any

import numpy as np
import pytest

from pipeline import evaluation
from pipeline.errors import ExportError
from pipeline.evaluation import Course

SURE, UNSURE = [0.9, 0.1], [0.4, 0.6]


def test_a_course_follows_the_mean_log_posterior_over_speech() -> None:
    posteriors = np.array([UNSURE, [np.nan, np.nan], UNSURE, SURE, SURE, UNSURE], np.float32)
    speech = np.array([True, False, True, True, True, True])
    course = evaluation.course(posteriors, speech, 0, 2)
    assert course.right.tolist() == [False, False, True, True, True]
    assert course.numbers.tolist() == [0, 2, 3, 4, 5]
    assert course.changes == 1
    assert course.settled() == 3
    assert evaluation.course(posteriors, speech, 1, 2).settled() is None  # it ends wrong
    assert evaluation.course(posteriors, np.zeros(6, bool), 0, 2).settled() is None


def course(*right: bool) -> Course:
    return Course(np.array(right), 2, np.arange(len(right)))


def test_the_summary_counts_only_recordings_that_are_long_enough() -> None:
    found = evaluation.summary([course(False, True, True), course(True), course(True, False)], frame_s=1.0)
    assert found["seconds_until_right"] == 0.5  # of 1 and 0; the third ends wrong
    assert found["changes_of_mind"] == 2
    assert found["accuracy_after"] == {
        "1 s": {"accuracy": pytest.approx(2 / 3), "recordings": 3},
        "3 s": {"accuracy": 1.0, "recordings": 1},
        "10 s": {"accuracy": None, "recordings": 0},
        "30 s": {"accuracy": None, "recordings": 0},
    }


class Wearing:
    """A network that answers 0 for five minutes of frames, then 1."""

    def __init__(self) -> None:
        self.steps = 99999

    def step(self, frame: Any) -> Any:
        self.steps += 1
        return np.eye(2)[int(self.steps > 300)]

    def reset_states(self) -> None:
        self.steps = 0


def test_drift_is_told_minute_by_minute_from_a_fresh_state() -> None:
    recording = (np.zeros((7, 3)), np.zeros(7, int), np.array([1, 0, 1, 1, 1, 1, 1.0]))
    assert evaluation.drift(Wearing(), [recording, recording], frame_s=1.0) == [1.0] * 5 + [0.0] * 5


def test_a_stream_that_differs_is_refused_by_name() -> None:
    evaluation.equal("r", np.array([[0.5]]), np.array([[0.50001]]), 1e-4)
    for streamed in ([[0.6]], [[np.nan]], [[0.5], [0.5]]):
        with pytest.raises(ExportError, match="the stream of r is off by"):
            evaluation.equal("r", np.array(streamed), np.array([[0.5]]), 1e-4)
