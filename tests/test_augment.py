"""Sequences are changed at random, within the ranges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import augment, params
from pipeline.audio.samples import to_waveform
from pipeline.augment import FLOOR_DB, Chain
from pipeline.mfcc.kernel import make_kernel
from pipeline.store.items import Example
from tests.fingerprint.signals import RATE, voice

MFCC = params.Mfcc(n_mfcc=64, n_fft=400, hop_length=160, n_mels=64, fmin=0.0, fmax=None, top_db=None)
KERNEL = make_kernel(MFCC, RATE)


def test_the_echoes_of_a_click_decay_and_add_up_to_their_share() -> None:
    click = np.full((1, 400, 1), 1e-10, np.float32)
    click[0, 10] = 1
    power = augment.echo(click, np.array([0.9], np.float32), np.array([0.5], np.float32))[0, :, 0]
    assert power[:10] == pytest.approx(0, abs=1e-9)
    assert power[10] == pytest.approx(1, rel=1e-4)
    assert power[12:60] / power[11:59] == pytest.approx(0.9, rel=1e-3)
    assert power[11:].sum() == pytest.approx(0.9 * 0.5, rel=0.01)


OFF = params.Augment(splice=0, gain=0, tilt=0, equaliser=0, noise=None, echo=0, warp=0, cutoff=None, mask=0)
ON = params.Augment(splice=0.5, gain=10, tilt=6, equaliser=3, noise=5, echo=0.5, warp=0.1, cutoff=3400, mask=8)
BANDS = np.stack([KERNEL.log_mel(to_waveform(voice(0, 4)))[:300]] * 40)
WEIGHTS = np.ones(BANDS.shape[:2], np.float32)


def through(chain: Chain, features: NDArray[np.float32], weights: NDArray[np.float32], seed: int) -> Any:
    """The features of sequences that have gone through the changes."""
    batch = Example(features, np.zeros(weights.shape, np.int64), weights)
    return chain(batch, np.random.default_rng(seed)).features


def changed(seed: int = 0, settings: params.Augment = OFF, **ranges: Any) -> NDArray[np.float32]:
    """The changes of the bands of forty copies of one sequence."""
    chain = Chain(settings.model_copy(update=ranges), MFCC, RATE, seed=1)
    features = through(chain, BANDS @ KERNEL.cosines, WEIGHTS, seed)
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
    for weight in (0, 1):  # padding stays finite
        padding = through(Chain(ON, MFCC, RATE, seed=1), BANDS[:3] * 0, WEIGHTS[:3] * weight, 0)
        assert np.isfinite(padding).all()


def test_every_change_is_made_and_sequences_differ() -> None:
    for name in ON.active()[1:]:  # copies of one sequence can't be spliced
        difference = changed(**{name: getattr(ON, name)})
        assert np.abs(difference).max() > 1, name
        assert np.abs(difference[1:] - difference[:-1]).max() > 1, name


@settings(max_examples=8)
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
    filters = OFF.model_copy(update={"gain": 10.0, "tilt": 6.0})
    few, whole = (
        through(Chain(filters, mfcc, RATE, seed=1), BANDS @ make_kernel(mfcc, RATE).cosines, WEIGHTS, 0)
        for mfcc in (MFCC.model_copy(update={"n_mfcc": 20}), MFCC)
    )
    loud = (BANDS > FLOOR_DB + 20).all(axis=2)
    np.testing.assert_allclose(few[loud], whole[:, :, :20][loud], atol=0.05)


@given(st.integers(0, 99), st.floats(0, 1), st.integers(1, 40), st.integers(6, 60))
def test_a_spliced_sequence_goes_on_as_the_beginning_of_another(seed: int, share: float, count: int, most: int) -> None:
    lengths = np.random.default_rng(seed).integers(6, most + 1, count)
    number, frame = np.indices((count, most))
    inside = frame < lengths[:, None]
    cells = np.stack([number, frame], axis=2) * inside[:, :, None]
    batch = Example(cells.astype(np.float32), number * inside, ((1 + number) * inside).astype(np.float32))
    augment.splice(batch, share, np.random.default_rng(seed))
    for row, length in enumerate(lengths):
        features, targets, weights = batch.part(row)
        end = np.count_nonzero(weights)
        assert not weights[end:].any()
        assert not features[end:].any()
        of, place = features[:end].T
        np.testing.assert_array_equal(of, targets[:end])
        np.testing.assert_array_equal(of, weights[:end] - 1)
        own, *other = np.split(place, np.flatnonzero(place == 0)[1:])
        assert of[0] == row
        assert len(own) == length or (other and length // 6 <= len(own))
        assert len(other) <= bool(share)
        for part in (own, *other):
            np.testing.assert_array_equal(part, np.arange(len(part)))
