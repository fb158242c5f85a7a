"""Training sequences are changed at random: the same for the same seed, and within the ranges asked for."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.augment.chain import FLOOR_DB, Chain
from pipeline.mfcc.kernel import make_kernel
from tests.augment.test_bands import KERNEL, MFCC, RATE, VOICE, log_mel

OFF = params.Augment(gain=0, tilt=0, equaliser=0, noise=None, echo=0, warp=0, cutoff=None, mask=0)
ON = params.Augment(gain=10, tilt=6, equaliser=3, noise=5, echo=0.5, warp=0.1, cutoff=3400, mask=8)
BANDS = np.stack([log_mel(VOICE)[:300]] * 40)
WEIGHTS = np.ones(BANDS.shape[:2], np.float32)


def changed(seed: int = 0, settings: params.Augment = OFF, **ranges: Any) -> NDArray[np.float32]:
    """The changes of the bands of forty copies of one sequence."""
    chain = Chain(settings.model_copy(update=ranges), MFCC, RATE, seed=1)
    features = chain(BANDS @ KERNEL.cosines, WEIGHTS, np.random.default_rng(seed))
    difference: NDArray[np.float32] = features @ KERNEL.cosines.T - BANDS
    return difference


def test_nothing_asked_for_changes_nothing() -> None:
    assert OFF.active() == ()
    assert OFF.model_copy(update={"noise": 0.0}).active() == ("noise",)  # as loud as the speech
    assert np.abs(changed()).max() < 0.01


def test_the_same_seed_gives_the_same_changes_and_another_one_others() -> None:
    first = changed(settings=ON)
    np.testing.assert_array_equal(first, changed(settings=ON))
    assert np.abs(first - changed(1, ON)).max() > 1
    assert np.isfinite(first).all()


def test_every_change_is_made_and_sequences_differ() -> None:
    for name in ON.active():
        difference = changed(**{name: getattr(ON, name)})
        assert np.abs(difference).max() > 1, name
        assert np.abs(difference[1:] - difference[:-1]).max() > 1, name


@given(st.floats(1, 20), st.integers(0, 99))
def test_a_gain_is_one_number_per_sequence_within_its_range(gain: float, seed: int) -> None:
    difference = changed(seed, gain=gain)
    loud = FLOOR_DB + 2 * gain < BANDS  # others may reach the floor
    for sequence, heard in zip(difference, loud, strict=True):
        assert np.ptp(sequence[heard]) < 0.05
        assert abs(sequence[heard].mean()) <= gain + 0.05


def test_noise_adds_power_and_is_as_far_below_the_speech_as_asked() -> None:
    difference = changed(noise=20)
    assert difference.min() > -0.05
    power, before = (10 ** ((BANDS + added) / 10) for added in (difference, 0))
    share = (power - before).mean(axis=(1, 2)) / before.mean()
    assert 10 * np.log10(share.max()) < -19
    untouched = np.abs(difference).max(axis=(1, 2)) < 0.05
    assert 5 < np.count_nonzero(untouched) < 35  # of 40: recordings without noise are heard as well


def test_a_cut_off_leaves_the_bands_below_it() -> None:
    difference = changed(cutoff=3400)
    below = np.linspace(0, RATE / 2, len(KERNEL.mel)) @ KERNEL.mel / KERNEL.mel.sum(axis=0) < 3300
    assert np.abs(difference[:, :, below]).max() < 0.05
    assert difference.min() < -19


def test_a_mask_hides_neighbouring_bands_of_the_whole_sequence() -> None:
    for sequence in changed(mask=8):
        hidden = np.flatnonzero(np.abs(sequence).max(axis=0) > 0.5)
        assert len(hidden) <= 8
        assert len(hidden) == 0 or np.ptp(hidden) < 8


def test_with_fewer_mfccs_a_filter_is_exact() -> None:
    few = MFCC.model_copy(update={"n_mfcc": 20})
    kernel = make_kernel(few, RATE)
    chain = Chain(OFF.model_copy(update={"gain": 10.0, "tilt": 6.0}), few, RATE, seed=1)
    found = chain(BANDS @ kernel.cosines, WEIGHTS, np.random.default_rng(0))
    whole = Chain(OFF.model_copy(update={"gain": 10.0, "tilt": 6.0}), MFCC, RATE, seed=1)
    wanted = whole(BANDS @ KERNEL.cosines, WEIGHTS, np.random.default_rng(0))[:, :, :20]
    loud = (BANDS > FLOOR_DB + 20).all(axis=2)
    np.testing.assert_allclose(found[loud], wanted[loud], atol=0.05)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_padding_stays_finite(weight: float) -> None:
    chain = Chain(ON, MFCC, RATE, seed=1)
    features = np.zeros((3, 50, 64), np.float32)
    assert np.isfinite(chain(features, np.full((3, 50), weight, np.float32), np.random.default_rng(0))).all()
