"""Audio: the same samples whatever the blocks, measures worked out by hand, and no file taken for what it is not."""

import hashlib
import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio.convert import Measures, convert
from pipeline.audio.decode import decode, duration
from pipeline.audio.resample import resampled
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import AudioError

RATE = 16000
GUESSED = ["au", "AU", "snd", "vox", "vox6", "vox8", "gsm", "mp3", "raw", "ul", "al", "sln", "sd2", "pcm"]
NAMES = ["x", "x.", "-.au", "\udcff.vox", *(f"x.{ending}" for ending in [*GUESSED, "wav", "flac", "ogg", "sph", "txt"])]
MAGIC = [  # what libsndfile knows formats by, if it is short
    *[b"", b"\xff\xfb\x90\x64", b"\xff\xf3\x48\xc4", b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x64", b"\1\4"],
    *[b"\x64\xa3\1\0", b"\0\2\xa3\x64", b"2BIT", b" paf", b".snd", b"PVF1\n", b"NIST_1A\n", b"fLaC", b"OggS\0\2"],
]


def noise(frames: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    sound = np.random.default_rng(seed).normal(0, 0.2, (frames, channels)).astype(np.float32)
    return np.clip(sound[:, 0] if channels == 1 else sound, -0.99, 0.99)


def whole(blocks: list[np.ndarray], rate: int) -> np.ndarray:
    return np.concatenate(list(resampled(blocks, rate, RATE)))


def decoded(path: Path) -> np.ndarray:
    return np.concatenate([*decode(path).blocks, np.zeros(0, np.float32)])


def converted(path: Path, **options: float) -> tuple[Measures, np.ndarray]:
    target = path.with_name("converted.wav")
    measures = convert(path, target, RATE, options.get("min_duration", 0.01))
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
    monkeypatch.setattr("pipeline.audio.decode.BLOCK", 77)
    assert np.array_equal(converted(tmp_path / "a.flac")[1], expected)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_16_bit_mono_at_16_khz_passes_unchanged(tmp_path: Path, name: str) -> None:
    sound = np.random.default_rng(0).integers(-32768, 32768, 4000).astype(np.int16)
    soundfile.write(tmp_path / name, sound, RATE, subtype="PCM_16")
    measures, samples = converted(tmp_path / name)
    assert np.array_equal(samples, sound)
    wav = Wav(tmp_path / "converted.wav", name, measures.samples, measures.sha256, measures.crc32c)
    assert np.array_equal(Reader(wav)(0, 4000), sound)
    assert np.array_equal(Reader(wav)(100, 250), sound[100:250])
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
    assert measures == Measures(
        samples=1000,
        sample_rate=RATE,
        channels=1,
        format="WAV/PCM_16",
        sha256=hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest(),
        crc32c=f"{google_crc32c.value(sound.astype('<i2').tobytes()):08x}",
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


@settings(deadline=None, max_examples=200)
@given(
    name=st.sampled_from(NAMES), magic=st.sampled_from(MAGIC), seed=st.integers(0, 2**32), size=st.integers(0, 30_000)
)
def test_random_bytes_are_audio_under_no_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, magic: bytes, seed: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("random") / name
    path.write_bytes(magic + np.random.default_rng(seed).bytes(size))
    with pytest.raises(AudioError) as error:
        decoded(path)
    # Of what looks like a sampler's file with its length, all but the length may be right.
    assert error.value.reason == "unreadable" or (magic == b"\1\4" and error.value.reason == "truncated")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG", "AU"])
def test_a_recording_is_the_same_under_every_name(tmp_path: Path, kind: str) -> None:
    soundfile.write(tmp_path / "good", noise(3000), RATE, format=kind)
    expected = decoded(tmp_path / "good")
    assert len(expected) >= 3000
    for name in NAMES:
        (tmp_path / name).hardlink_to(tmp_path / "good")
        assert np.array_equal(decoded(tmp_path / name), expected)


def test_text_is_no_audio_under_any_name(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text("Read me first.\n" * 500)
        with pytest.raises(AudioError, match="is not audio that libsndfile reads") as error:
            decode(tmp_path / name)
        assert error.value.reason == "unreadable"


def test_a_header_is_read_with_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(3000, channels=2), 22050, subtype="PCM_24")
    header = decode(tmp_path / "a.flac")
    (tmp_path / "a.flac").unlink()  # opened once: what is decoded is what the header was read from
    assert (header.sample_rate, header.channels, header.format) == (22050, 2, "FLAC/PCM_24")
    assert sum(map(len, header.blocks)) == 3000


def irregular(folder: Path) -> list[Path]:
    """Paths that lead to no regular file."""
    os.mkfifo(folder / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket.wav"))
    (folder / "folder.wav").mkdir()
    (folder / "dangling.wav").symlink_to(folder / "nothing")
    (folder / "circle.wav").symlink_to(folder / "circle.wav")
    (folder / "fifo_link.wav").symlink_to(folder / "fifo.wav")
    (folder / "file").touch()
    names = ["fifo.wav", "socket.wav", "folder.wav", "dangling.wav", "circle.wav", "fifo_link.wav", "gone.wav"]
    paths = [folder / name for name in names]
    odd = [folder / ("x" * 300), folder / ("x/" * 3000), folder / "file" / "x.wav", folder / "zero\0.wav"]
    return [*paths, *odd, Path("/dev/null"), Path("/dev/zero"), Path("/dev/tty")]


@pytest.mark.parametrize("call", [decode, duration])
def test_what_is_no_regular_file_is_an_error_and_never_blocks(tmp_path: Path, call: Callable[[Path], object]) -> None:
    for path in irregular(tmp_path):
        with pytest.raises(AudioError) as error:
            call(path)
        assert error.value.reason in {"missing", "unreadable"}
        assert len(str(error.value)) < 100


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(3000), RATE)
    (tmp_path / "half.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:3000])
    (tmp_path / "text.wav").write_text("no audio")
    os.mkfifo(tmp_path / "fifo.wav")
    soundfile.write(tmp_path / "slow.wav", noise(3000), 100)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ["half.wav", "text.wav", "fifo.wav", "slow.wav", "gone.wav"] * 20:
        with pytest.raises(AudioError):
            decode(tmp_path / name)
    for _ in range(20):
        assert len(decoded(tmp_path / "a.wav")) == 3000
        decode(tmp_path / "a.wav")  # nobody takes its blocks
        duration(tmp_path / "a.wav")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_duration_is_what_the_header_claims(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(8000), RATE)
    assert duration(tmp_path / "a.flac") == 0.5
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # its length, unknown to who writes to a pipe
    (tmp_path / "pipe.flac").write_bytes(content)
    assert duration(tmp_path / "pipe.flac") == 0
    assert np.array_equal(decoded(tmp_path / "pipe.flac"), decoded(tmp_path / "a.flac"))
