"""The loss of frames and of sequences, against NumPy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.training import fitting as losses

CORRECT = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], np.float32)  # targets, outputs


@pytest.fixture
def posteriors() -> NDArray[np.float32]:
    return np.random.default_rng(0).dirichlet([1, 1, 1], (2, 5)).astype(np.float32)


def value(
    target: NDArray[np.int64], posteriors: NDArray[np.float32], smoothing: float, utterance: float
) -> NDArray[np.float32]:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(losses.loss(CORRECT, smoothing, utterance)(target, posteriors)))


def test_the_loss_of_a_frame_is_its_cross_entropy(posteriors: NDArray[np.float32]) -> None:
    target = np.array([[0, 0, 1, 2, 1], [2, 2, 1, 1, 0]])
    share = (CORRECT[target] * posteriors).sum(axis=2)
    np.testing.assert_allclose(value(target, posteriors, 0, 0), -np.log(share), rtol=1e-5)


def test_smoothing_shares_a_part_of_the_label_among_the_outputs(posteriors: NDArray[np.float32]) -> None:
    target = np.array([[0, 0, 0, 0, 0], [2, 2, 2, 2, 2]])
    label = 0.9 * CORRECT[target] + 0.1 / 3
    wanted = -(label * np.log(posteriors)).sum(axis=2)
    np.testing.assert_allclose(value(target, posteriors, 0.1, 0), wanted, rtol=1e-5)


def test_frames_of_one_target_share_the_loss_of_their_mean_log_posterior(posteriors: NDArray[np.float32]) -> None:
    target = np.array([[0, -1, 0, 2, 0], [1, 1, 1, 1, -1]])  # -1: a frame of weight 0
    plain, both = (value(target, posteriors, 0, utterance) for utterance in (0, 2.0))
    for sequence, chosen in [(0, [0, 2, 4]), (0, [3]), (1, [0, 1, 2, 3])]:
        odds = np.exp(np.log(posteriors[sequence, chosen]).mean(axis=0))
        correct = CORRECT[target[sequence, chosen[0]]]
        wanted = -np.log((correct * odds).sum() / odds.sum())
        np.testing.assert_allclose((both - plain)[sequence, chosen], 2 * wanted, rtol=1e-4)
    assert np.isfinite(both).all()


def test_an_output_is_right_if_it_is_correct_for_the_target() -> None:
    from keras import ops

    target = np.array([[0, 1, 1, 2, -1]])
    posteriors = np.eye(3, dtype=np.float32)[None, [0, 1, 2, 2, 0]]
    found = ops.convert_to_numpy(losses.accuracy(CORRECT)(target, posteriors))
    np.testing.assert_array_equal(np.asarray(found)[0, :4], [1, 1, 1, 0])
