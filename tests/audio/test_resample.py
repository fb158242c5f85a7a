"""Resampling: the same samples for blocks of any size, and a tone keeps its length, pitch and level."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.arrays import Samples, Waveform
from pipeline.audio.resample import resampled
from pipeline.audio.samples import to_waveform
from tests.audio.signals import RATE, noise

rates = pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])


def whole(blocks: Iterable[Waveform], rate: int) -> Samples:
    return np.concatenate(list(resampled(blocks, rate, RATE)))


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
