"""Samples keep their values: as waveforms and back, and after resampling in blocks of any size."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.arrays import Samples, Waveform
from pipeline.audio.resample import resampled
from pipeline.audio.samples import FULL_SCALE, to_samples, to_waveform
from tests.audio.signals import RATE, noise

EVERY = np.arange(-FULL_SCALE, FULL_SCALE).astype(np.int16)
rates = pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])


def whole(blocks: Iterable[Waveform], rate: int) -> Samples:
    return np.concatenate(list(resampled(blocks, rate, RATE)))


def test_every_sample_is_exact_as_a_waveform_and_back() -> None:
    assert to_waveform(EVERY).dtype == np.float32
    assert np.array_equal(to_waveform(EVERY).astype(np.float64) * FULL_SCALE, EVERY)
    assert np.array_equal(to_samples(to_waveform(EVERY)), EVERY)
    steps = np.array([-9e5, -1.5, -0.5, 0.5, 1.5, 2.5, 9e5], np.float32)  # half a step rounds to even
    assert to_samples(steps / np.float32(FULL_SCALE)).tolist() == [EVERY[0], -2, 0, 0, 2, 2, EVERY[-1]]


@rates
@settings(max_examples=15)
@given(st.lists(st.integers(0, 20000), max_size=40), st.integers(0, 20))
@example(list(range(1500)), 0)
def test_resampling_in_chunks_of_any_size_gives_the_same_samples(rate: int, cuts: list[int], seed: int) -> None:
    sound = noise(20000, seed=seed)
    assert np.array_equal(whole(np.split(sound, sorted(cuts)), rate), whole([sound], rate))


@rates
def test_a_tone_keeps_its_length_pitch_and_level(rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate) / 2
    found = to_waveform(whole([tone.astype(np.float32)], rate))
    assert len(found) == RATE
    expected = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE) / 2
    assert found[800:-800] == pytest.approx(expected[800:-800], abs=2e-4)
