"""How soon and how stably a running decision is right, on posteriors written by hand."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.arrays import Posteriors
from pipeline.scoring import stability
from pipeline.scoring.stability import Stability
from pipeline.streaming.decision import Rule

SURE, UNSURE = [0.9, 0.1], [0.4, 0.6]


def follow(
    posteriors: Posteriors, numbers: NDArray[np.int64], language: int = 0, cuts: Iterable[int] = ()
) -> Stability:
    running = Stability(language, 2, frame_s=1.0, rule=Rule())
    for part in np.split(np.arange(len(numbers)), sorted(cuts)):
        running.accept(posteriors[part], numbers[part])
    return running


def test_the_running_decision_is_the_mean_log_posterior_over_speech() -> None:
    posteriors = np.array([UNSURE, UNSURE, SURE, SURE, UNSURE], np.float32)
    numbers = np.array([0, 2, 3, 4, 5])
    found = follow(posteriors, numbers)  # wrong after two frames, right after three
    assert {seconds: int(posteriors.argmax()) for seconds, posteriors in found.after.items()} == {1: 1, 3: 0}
    mean = np.exp(np.log(posteriors[:3]).mean(axis=0))
    np.testing.assert_allclose(found.after[3], mean / mean.sum(), rtol=1e-6)
    assert (found.sequences, found.sequences_right) == (2, 2)
    assert found.n_changes == 1
    assert found.stable_frame == 3
    assert follow(posteriors, numbers, language=1).stable_frame is None  # it ends wrong
    assert follow(posteriors[:0], numbers[:0]).stable_frame is None


@given(data=st.data(), frames=st.integers(0, 40))
def test_stability_is_the_same_in_pieces_of_any_length(data: st.DataObject, frames: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    sure = rng.uniform(0.2, 0.8, frames).astype(np.float32)
    posteriors, numbers = np.stack([sure, 1 - sure], axis=1), np.cumsum(rng.integers(1, 4, frames))
    right = np.cumsum(np.log(np.maximum(posteriors, 1e-10, dtype=np.float64)), axis=0).argmax(axis=1) == 0
    found = follow(posteriors, numbers, cuts=data.draw(st.lists(st.integers(0, frames))))
    assert found.n_changes == np.count_nonzero(np.diff(right))
    leads = {seconds: posterior.argmax() == 0 for seconds, posterior in found.after.items()}
    assert leads == {seconds: right[seconds - 1] for seconds in stability.MARKS_S if seconds <= frames}
    sequences = [posteriors[at : at + 3] for at in range(0, frames, 3)]
    assert found.sequences == len(sequences)
    favoured = [np.log(np.maximum(part, 1e-10, dtype=np.float64)).sum(axis=0).argmax() == 0 for part in sequences]
    assert found.sequences_right == sum(favoured)
    stable = [numbers[at] for at in range(frames) if right[at:].all()]
    assert found.stable_frame == (stable[0] if stable else None)


def swinging(*right: bool) -> Stability:
    """The stability of a decision that is right or wrong after each frame as given: its mean swings back and forth."""
    leans = np.diff([0.0, *(1 if sure else -1 for sure in right)])
    share = 1 / (1 + np.exp(-leans))
    return follow(np.stack([share, 1 - share], axis=1).astype(np.float32), np.arange(len(right)))


def test_the_summary_is_over_recordings() -> None:
    found = stability.summary([swinging(False, True, True), swinging(True), swinging(True, False)], frame_s=1.0)
    assert found["seconds_until_right"] == 0.5  # of 1 and 0; the third ends wrong
    assert found["decision_changes"] == pytest.approx(2 / 3)
