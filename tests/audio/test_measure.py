"""Samples keep their values where possible; measures of sounds whose properties are known."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.arrays import Samples, Waveform
from pipeline.audio.measure import Measures, measure
from pipeline.audio.resample import resampled
from pipeline.audio.samples import FULL_SCALE, to_samples, to_waveform
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import AudioError
from tests.audio.signals import RATE, noise, write
from tests.fingerprint.signals import voice

TIMES = np.arange(20 * RATE) / RATE
RATES = [8000, 22050, 44100, 48000]


def converted(path: Path) -> tuple[Measures, Samples]:
    target = path.with_name("converted.wav")
    measures = write(path, target, RATE)
    return measures, soundfile.read(target, dtype="int16")[0]


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_16_bit_mono_at_16_khz_passes_unchanged(tmp_path: Path, name: str) -> None:
    sound = np.random.default_rng(0).integers(-FULL_SCALE, FULL_SCALE, 4000).astype(np.int16)
    soundfile.write(tmp_path / name, sound, RATE, subtype="PCM_16")
    measures, samples = converted(tmp_path / name)
    assert np.array_equal(samples, sound)
    assert measures.sha256 == hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest()
    assert np.array_equal(Reader(Wav(tmp_path / "converted.wav", name, 4000, ""))(0, 4000), sound)


def test_measures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    # Of 1000 samples 250 are at half scale, 250 at -1/4, 5 at each end of the scale, the rest are 0.
    levels = [FULL_SCALE // 2, -FULL_SCALE // 4, FULL_SCALE - 1, -FULL_SCALE, 0]
    sound = np.repeat(levels, [250, 250, 5, 5, 490]).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    found, _ = converted(tmp_path / "a.wav")
    assert (found.samples, found.peak_dbfs, found.clipped) == (1000, 0.0, 0.01)
    assert found.rms_dbfs == pytest.approx(10 * np.log10((250 / 4 + 250 / 16 + 10) / 1000), abs=0.01)
    assert found.dc_offset == pytest.approx((250 / 2 - 250 / 4) / 1000, abs=1e-6)
    soundfile.write(tmp_path / "b.wav", np.tile([16384, -16384], 500).astype(np.int16), RATE)
    found, _ = converted(tmp_path / "b.wav")
    assert (found.peak_dbfs, found.rms_dbfs, found.clipped, found.dc_offset) == (-6.02, -6.02, 0, 0)


# Sound quality


def measured(samples: Samples, rate: int = RATE, block: int = 1 << 18, min_duration: float = 0) -> Measures:
    blocks = (samples[at : at + block] for at in range(0, len(samples), block))
    return measure(blocks, lambda content: None, rate, min_duration)


def test_the_shortest_accepted_recording_is_min_duration_long() -> None:
    assert measured(NOISE[:8000], min_duration=0.5).samples == 8000
    with pytest.raises(AudioError) as error:
        measured(NOISE[:7999], min_duration=0.5)
    assert error.value.reason == "too_short"


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


NOISE = as_samples(np.random.default_rng(0).normal(size=len(TIMES)))


@given(block=st.integers(100, 9000))
def test_the_size_of_blocks_does_not_matter(block: int) -> None:
    samples = voice(0, 6)
    assert measured(samples, block=block) == measured(samples)


@pytest.mark.parametrize("cutoff", [8000, 11025, 12000])
def test_audio_from_a_lower_rate_has_its_bandwidth(cutoff: int) -> None:
    low = soxr.resample(NOISE.astype(np.float64) / 32768, RATE, cutoff)
    again = as_samples(soxr.resample(low, cutoff, RATE))
    assert measured(again).bandwidth_hz == pytest.approx(cutoff / 2, abs=350)
    assert measured(NOISE).bandwidth_hz == 8000


@pytest.mark.parametrize("rate", RATES)
def test_other_rates_measure_the_same(rate: int) -> None:
    there = as_samples(soxr.resample(music(0).astype(np.float64), RATE, rate))
    assert measured(there, rate).tonality == pytest.approx(measured(music(0)).tonality, abs=0.1)


def test_speech_and_noise_are_less_tonal_than_music_and_tones_and_speech_varies_more_than_noise() -> None:
    for seed in range(3):
        assert measured(voice(seed, 20)).tonality < 0.5 < measured(music(seed)).tonality
        assert measured(voice(seed, 20)).modulation_db > 6
    for share in (0.4, 1):  # interrupted or not
        faint = np.random.default_rng(0).normal(size=len(TIMES)) * 1e-4
        assert measured(as_samples(np.sin(2 * np.pi * 440 * TIMES) * (share > TIMES % 1) + faint)).tonality > 0.5
    assert measured(NOISE).modulation_db < 3
    assert abs(measured(NOISE).tonality) < 0.1


def test_the_floor_is_the_level_of_the_pauses_without_an_offset() -> None:
    sound = np.random.default_rng(0).normal(size=len(TIMES)) * np.where(TIMES % 2 < 1, 0.1, 0.001)
    found = measured((sound * 32768).astype(np.int16))
    assert found.noise_floor_dbfs == pytest.approx(-60, abs=1.5)
    assert found.modulation_db == pytest.approx(40, abs=3)
    faint = (sound[RATE:] * 32768).astype(np.int16)[: RATE // 2]
    assert measured(faint + np.int16(5000)).noise_floor_dbfs == measured(faint).noise_floor_dbfs


@pytest.mark.parametrize("length", [1, 319, 3000])
def test_the_shortest_recordings_have_measures(length: int) -> None:
    found = measured(NOISE[:length])
    assert np.isfinite([found.bandwidth_hz, found.noise_floor_dbfs, found.modulation_db, found.tonality]).all()


EVERY = np.arange(-FULL_SCALE, FULL_SCALE).astype(np.int16)


def whole(blocks: Iterable[Waveform], rate: int) -> Samples:
    return np.concatenate(list(resampled(blocks, rate, RATE)))


def test_every_sample_is_exact_as_a_waveform_and_back() -> None:
    assert to_waveform(EVERY).dtype == np.float32
    assert np.array_equal(to_waveform(EVERY).astype(np.float64) * FULL_SCALE, EVERY)
    assert np.array_equal(to_samples(to_waveform(EVERY)), EVERY)
    steps = np.array([-9e5, -1.5, -0.5, 0.5, 1.5, 2.5, 9e5], np.float32)  # half a step rounds to even
    assert to_samples(steps / np.float32(FULL_SCALE)).tolist() == [EVERY[0], -2, 0, 0, 2, 2, EVERY[-1]]


@pytest.mark.parametrize("rate", RATES)
@settings(max_examples=15)
@given(st.lists(st.integers(0, 20000), max_size=40), st.integers(0, 20))
@example(list(range(1500)), 0)
def test_resampling_in_chunks_of_any_size_gives_the_same_samples(rate: int, cuts: list[int], seed: int) -> None:
    sound = noise(20000, seed=seed)
    assert np.array_equal(whole(np.split(sound, sorted(cuts)), rate), whole([sound], rate))


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_length_pitch_and_level(rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate) / 2
    found = to_waveform(whole([tone.astype(np.float32)], rate))
    assert len(found) == RATE
    expected = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE) / 2
    assert found[800:-800] == pytest.approx(expected[800:-800], abs=2e-4)
