"""Audio: the same samples whatever the blocks, and measures worked out by hand."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import audio
from pipeline.errors import AudioError

RATE = 16000


def noise(frames: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    sound = np.random.default_rng(seed).normal(0, 0.2, (frames, channels)).astype(np.float32)
    return np.clip(sound[:, 0] if channels == 1 else sound, -0.99, 0.99)


def whole(blocks: list[np.ndarray], rate: int) -> np.ndarray:
    return np.concatenate(list(audio.resampled(blocks, rate, RATE)))


def converted(path: Path, **options: float) -> tuple[audio.Measures, np.ndarray]:
    target = path.with_name("converted.wav")
    measures = audio.convert(path, target, RATE, options.get("min_duration", 0.01))
    return measures, soundfile.read(target, dtype="int16")[0]


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 20000), max_size=40), st.integers(0, 20))
def test_resampling_in_chunks_of_any_size_gives_the_same_samples(rate: int, cuts: list[int], seed: int) -> None:
    sound = noise(20000, seed=seed)
    assert np.array_equal(whole(np.split(sound, sorted(cuts)), rate), whole([sound], rate))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_sample_by_sample_gives_the_same_samples(rate: int) -> None:
    sound = noise(1500)
    assert np.array_equal(whole(np.split(sound, 1500), rate), whole([sound], rate))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_tone_keeps_its_length_pitch_and_level(rate: int) -> None:
    samples = whole([np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32) / 2], rate) / 32768
    assert len(samples) == RATE
    expected = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE) / 2
    assert samples[800:-800] == pytest.approx(expected[800:-800], abs=2e-4)


def test_blocks_of_a_file_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.flac", noise(5000, channels=2), 44100)
    _, expected = converted(tmp_path / "a.flac")
    monkeypatch.setattr(audio, "BLOCK", 77)
    assert np.array_equal(converted(tmp_path / "a.flac")[1], expected)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_16_bit_mono_at_16_khz_passes_unchanged(tmp_path: Path, name: str) -> None:
    sound = np.random.default_rng(0).integers(-32768, 32768, 4000).astype(np.int16)
    soundfile.write(tmp_path / name, sound, RATE, subtype="PCM_16")
    measures, samples = converted(tmp_path / name)
    assert np.array_equal(samples, sound)
    assert np.array_equal(audio.read(tmp_path / "converted.wav"), sound)
    assert np.array_equal(audio.read(tmp_path / "converted.wav", 100, 250), sound[100:250])
    assert measures.sha256 == hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest()


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = np.random.default_rng(0).integers(-20000, 20000, (2, 3000)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE)
    measures, samples = converted(tmp_path / "a.wav")
    assert np.array_equal(samples, np.rint((left.astype(float) + right) / 2))
    assert measures.channels == 2


def test_what_is_louder_than_full_scale_is_clipped_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([1.5, -1.5], 500), RATE, subtype="FLOAT")
    assert converted(tmp_path / "a.wav")[1].tolist() == [32767, -32768] * 500


def test_measures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    # Of 1000 samples 250 are at half scale, 250 at -1/4, 5 at each end of the scale, the rest are 0.
    sound = np.repeat([16384, -8192, 32767, -32768, 0], [250, 250, 5, 5, 490]).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    measures, _ = converted(tmp_path / "a.wav")
    power = (250 / 4 + 250 / 16 + 10) / 1000
    assert measures == audio.Measures(
        samples=1000,
        sample_rate=RATE,
        channels=1,
        format="WAV/PCM_16",
        sha256=hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest(),
        peak_dbfs=0.0,
        rms_dbfs=pytest.approx(10 * np.log10(power), abs=0.01),
        clipped=0.01,
        dc_offset=pytest.approx((250 / 2 - 250 / 4) / 1000, abs=1e-6),
    )


def test_a_peak_is_in_decibels_of_full_scale(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([16384, -16384], 500).astype(np.int16), RATE)
    measures, _ = converted(tmp_path / "a.wav")
    assert (measures.peak_dbfs, measures.rms_dbfs, measures.clipped, measures.dc_offset) == (-6.02, -6.02, 0, 0)


def test_the_sources_own_rate_and_format_are_kept_beside_the_new_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(48000), 48000, subtype="PCM_24")
    measures, samples = converted(tmp_path / "a.flac")
    assert (measures.sample_rate, measures.format, measures.samples, len(samples)) == (48000, "FLAC/PCM_24", RATE, RATE)


def test_the_shortest_recording_that_is_taken_is_min_duration_long(tmp_path: Path) -> None:
    for frames in (8000, 7999):
        soundfile.write(tmp_path / f"{frames}.wav", noise(frames), RATE)
    assert converted(tmp_path / "8000.wav", min_duration=0.5)[0].samples == 8000
    with pytest.raises(AudioError) as error:
        converted(tmp_path / "7999.wav", min_duration=0.5)
    assert error.value.reason == "too_short"
    assert not (tmp_path / "converted.wav").exists()


def test_an_error_keeps_its_reason_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioError("silent", "holds nothing but zeros")))
    assert (error.reason, str(error)) == ("silent", "holds nothing but zeros")
