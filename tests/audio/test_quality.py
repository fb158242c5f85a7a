"""Measures of sounds whose bandwidth, floor, modulation and tones are known; blocks of any size give the same."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.arrays import Samples
from pipeline.audio.quality import Quality, QualityMeter
from tests.fingerprint.signals import voice

RATE = 16000
TIMES = np.arange(20 * RATE) / RATE


def measured(samples: Samples, rate: int = RATE, block: int = 1 << 18) -> Quality:
    meter = QualityMeter(rate)
    for at in range(0, len(samples), block):
        meter.accept(samples[at : at + block])
    return meter.finish()


def as_samples(sound: NDArray[np.float64], peak: float = 0.5) -> Samples:
    samples: Samples = np.rint(sound / np.abs(sound).max() * peak * 32767).astype(np.int16)
    return samples


def music(seed: int) -> Samples:
    """A melody of decaying notes with chords below it."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(len(TIMES))
    for step in range(70):
        for _ in range(3):
            pitch = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
            at, times = round(step * 0.27 * RATE), TIMES[: round(0.8 * RATE)]
            note = sum(np.sin(2 * np.pi * k * pitch * times) / k for k in range(1, 8)) * np.exp(-times / 0.4)
            sound[at : at + len(note)] += note[: len(sound) - at]
    return as_samples(sound)


def noise(seed: int = 0) -> Samples:
    return as_samples(np.random.default_rng(seed).normal(size=len(TIMES)))


@given(block=st.integers(1, 9000))
def test_the_size_of_blocks_does_not_matter(block: int) -> None:
    samples = voice(0, 6)
    assert measured(samples, block=max(block, 100)) == measured(samples)


@pytest.mark.parametrize("cutoff", [8000, 11025, 12000])
def test_audio_from_a_lower_rate_has_its_bandwidth(cutoff: int) -> None:
    low = soxr.resample(noise().astype(np.float64) / 32768, RATE, cutoff)
    again = as_samples(soxr.resample(low, cutoff, RATE))
    assert measured(again).bandwidth_hz == pytest.approx(cutoff / 2, abs=350)
    assert measured(noise()).bandwidth_hz == 8000


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_other_rates_measure_the_same(rate: int) -> None:
    there = as_samples(soxr.resample(music(0).astype(np.float64), RATE, rate))
    assert measured(there, rate).tonality == pytest.approx(measured(music(0)).tonality, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_speech_is_less_tonal_than_music_and_varies_more(seed: int) -> None:
    assert measured(voice(seed, 20)).tonality < 0.5 < measured(music(seed)).tonality
    assert measured(voice(seed, 20)).modulation_db > 6


def test_a_tone_is_tonal_even_if_it_is_interrupted() -> None:
    tone = np.sin(2 * np.pi * 440 * TIMES)
    faint = np.random.default_rng(0).normal(size=len(TIMES)) * 1e-4
    assert measured(as_samples(tone + faint)).tonality > 0.5
    assert measured(as_samples(tone * (TIMES % 1 < 0.4) + faint)).tonality > 0.5


def test_noise_is_steady_and_not_tonal() -> None:
    found = measured(noise())
    assert found.modulation_db < 3
    assert abs(found.tonality) < 0.1


def test_the_floor_is_the_level_of_the_pauses() -> None:
    rng = np.random.default_rng(0)
    gate = TIMES % 2 < 1
    sound = rng.normal(size=len(TIMES)) * np.where(gate, 0.1, 0.001)
    found = measured((sound * 32768).astype(np.int16))
    assert found.noise_floor_dbfs == pytest.approx(-60, abs=1.5)
    assert found.modulation_db == pytest.approx(40, abs=3)


def test_an_offset_is_no_sound() -> None:
    faint = (np.random.default_rng(0).normal(size=RATE) * 33).astype(np.int16)
    assert measured(faint + np.int16(5000)).noise_floor_dbfs == measured(faint).noise_floor_dbfs


@pytest.mark.parametrize("length", [0, 1, 319, 3000])
def test_the_shortest_recordings_have_measures(length: int) -> None:
    found = measured(noise()[:length])
    assert np.isfinite([found.bandwidth_hz, found.noise_floor_dbfs, found.modulation_db, found.tonality]).all()
