"""What only a stream shows, on courses written by hand."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ExportError
from pipeline.scoring import streaming
from pipeline.scoring.streaming import Course

SURE, UNSURE = [0.9, 0.1], [0.4, 0.6]


def follow(posteriors: np.ndarray, numbers: np.ndarray, language: int = 0, cuts: Iterable[int] = ()) -> Course:
    course = Course(language, 2, frame_s=1.0)
    for part in np.split(np.arange(len(numbers)), sorted(cuts)):
        course.accept(posteriors[part], numbers[part])
    return course


def test_a_course_follows_the_mean_log_posterior_over_speech() -> None:
    posteriors = np.array([UNSURE, UNSURE, SURE, SURE, UNSURE], np.float32)
    numbers = np.array([0, 2, 3, 4, 5])
    course = follow(posteriors, numbers)  # wrong after two frames, right after three
    assert course.after == {1: False, 3: True}
    assert course.changes == 1
    assert course.settled == 3
    assert follow(posteriors, numbers, language=1).settled is None  # it ends wrong
    assert follow(posteriors[:0], numbers[:0]).settled is None


@given(data=st.data(), frames=st.integers(0, 40))
def test_a_course_is_the_same_in_pieces_of_any_length(data: st.DataObject, frames: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    sure = rng.uniform(0.2, 0.8, frames).astype(np.float32)
    posteriors, numbers = np.stack([sure, 1 - sure], axis=1), np.cumsum(rng.integers(1, 4, frames))
    right = np.cumsum(np.log(np.maximum(posteriors, 1e-10, dtype=np.float64)), axis=0).argmax(axis=1) == 0
    course = follow(posteriors, numbers, cuts=data.draw(st.lists(st.integers(0, frames))))
    assert course.changes == np.count_nonzero(np.diff(right))
    assert course.after == {seconds: right[seconds - 1] for seconds in streaming.AFTER if seconds <= frames}
    settled = [numbers[at] for at in range(frames) if right[at:].all()]
    assert course.settled == (settled[0] if settled else None)


def course(*right: bool) -> Course:
    """One that is right after these frames: the mean swings from one side to the other."""
    leans = np.diff([0.0, *(1 if sure else -1 for sure in right)])
    share = 1 / (1 + np.exp(-leans))
    return follow(np.stack([share, 1 - share], axis=1), np.arange(len(right)))


def test_the_summary_counts_only_recordings_that_are_long_enough() -> None:
    found = streaming.summary([course(False, True, True), course(True), course(True, False)], frame_s=1.0)
    assert found["seconds_until_right"] == 0.5  # of 1 and 0; the third ends wrong
    assert found["changes_of_mind"] == pytest.approx(2 / 3)
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
    assert streaming.drift(Wearing(), lambda: [recording, recording], frame_s=1.0) == [1.0] * 5 + [0.0] * 5


def test_a_language_of_which_nothing_is_seen_does_not_keep_it_waiting() -> None:
    empty = (np.zeros((0, 3)), np.zeros(0, int), np.zeros(0))
    assert streaming.drift(Wearing(), lambda: [empty], frame_s=1.0) == [0.0] * 10


def test_a_stream_that_differs_is_refused_by_name() -> None:
    streaming.equal("r", np.array([[0.5]]), np.array([[0.50001]]), 1e-4)
    for streamed in ([[0.6]], [[np.nan]], [[0.5], [0.5]]):
        with pytest.raises(ExportError, match="the stream of r is off by"):
            streaming.equal("r", np.array(streamed), np.array([[0.5]]), 1e-4)
