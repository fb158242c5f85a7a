"""Decoded, measured and written: unchanged where possible; measures equal values worked out by hand."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.arrays import Samples
from pipeline.audio.measure import Measures
from pipeline.audio.quality import Quality
from pipeline.audio.samples import FULL_SCALE
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import AudioError
from tests.audio.signals import RATE, noise
from tests.audio.written import write

SOUND = {field.name for field in dataclasses.fields(Quality)}  # measured in test_quality.py


def converted(path: Path, min_duration: float = 0.01) -> tuple[Measures, Samples]:
    target = path.with_name("converted.wav")
    measures = write(path, target, RATE, min_duration)
    return measures, soundfile.read(target, dtype="int16")[0]


def test_the_size_of_decoded_blocks_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.flac", noise(5000, channels=2), 44100)
    _, expected = converted(tmp_path / "a.flac")
    monkeypatch.setattr("pipeline.audio.decode.BLOCK_FRAMES", 77)
    assert np.array_equal(converted(tmp_path / "a.flac")[1], expected)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_16_bit_mono_at_16_khz_passes_unchanged(tmp_path: Path, name: str) -> None:
    sound = np.random.default_rng(0).integers(-FULL_SCALE, FULL_SCALE, 4000).astype(np.int16)
    soundfile.write(tmp_path / name, sound, RATE, subtype="PCM_16")
    measures, samples = converted(tmp_path / name)
    assert np.array_equal(samples, sound)
    wav = Wav(tmp_path / "converted.wav", name, measures.samples, measures.sha256)
    assert np.array_equal(Reader(wav)(0, 4000), sound)
    assert np.array_equal(Reader(wav)(100, 250), sound[100:250])
    assert measures.sha256 == hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest()


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = np.random.default_rng(0).integers(-20000, 20000, (2, 3000)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE)
    _, samples = converted(tmp_path / "a.wav")
    assert np.array_equal(samples, np.rint((left.astype(float) + right) / 2))


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([1.5, -1.5], 500), RATE, subtype="FLOAT")
    assert converted(tmp_path / "a.wav")[1].tolist() == [FULL_SCALE - 1, -FULL_SCALE] * 500


def test_measures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    # Of 1000 samples 250 are at half scale, 250 at -1/4, 5 at each end of the scale, the rest are 0.
    levels = [FULL_SCALE // 2, -FULL_SCALE // 4, FULL_SCALE - 1, -FULL_SCALE, 0]
    sound = np.repeat(levels, [250, 250, 5, 5, 490]).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    measures, _ = converted(tmp_path / "a.wav")
    power = (250 / 4 + 250 / 16 + 10) / 1000
    assert dataclasses.asdict(measures) | dict.fromkeys(SOUND, 0) == dict.fromkeys(SOUND, 0) | {
        "samples": 1000,
        "sha256": hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest(),
        "peak_dbfs": 0.0,
        "rms_dbfs": pytest.approx(10 * np.log10(power), abs=0.01),
        "clipped": 0.01,
        "dc_offset": pytest.approx((250 / 2 - 250 / 4) / 1000, abs=1e-6),
    }


def test_a_peak_is_in_decibels_of_full_scale(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([16384, -16384], 500).astype(np.int16), RATE)
    measures, _ = converted(tmp_path / "a.wav")
    assert (measures.peak_dbfs, measures.rms_dbfs, measures.clipped, measures.dc_offset) == (-6.02, -6.02, 0, 0)


def test_the_length_is_that_after_resampling(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(48000), 48000, subtype="PCM_24")
    measures, samples = converted(tmp_path / "a.flac")
    assert (measures.samples, len(samples)) == (RATE, RATE)


def test_the_shortest_accepted_recording_is_min_duration_long(tmp_path: Path) -> None:
    for frames in (8000, 7999):
        soundfile.write(tmp_path / f"{frames}.wav", noise(frames), RATE)
    assert converted(tmp_path / "8000.wav", min_duration=0.5)[0].samples == 8000
    with pytest.raises(AudioError) as error:
        converted(tmp_path / "7999.wav", min_duration=0.5)
    assert error.value.reason == "too_short"
