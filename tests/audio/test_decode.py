"""Decoding: files are recognised by their content alone, and anything else is an error that never blocks."""

import os
import socket
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Waveform
from pipeline.audio.decode import decode
from pipeline.errors import AudioError
from tests.audio.signals import RATE, noise

GUESSED = ["au", "AU", "snd", "vox", "vox6", "vox8", "gsm", "mp3", "raw", "ul", "al", "sln", "sd2", "pcm"]
NAMES = ["x", "x.", "-.au", "\udcff.vox", *(f"x.{ending}" for ending in [*GUESSED, "wav", "flac", "ogg", "sph", "txt"])]
MAGIC = [  # short marks by which libsndfile recognises formats
    *[b"", b"\xff\xfb\x90\x64", b"\xff\xf3\x48\xc4", b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x64", b"\1\4"],
    *[b"\x64\xa3\1\0", b"\0\2\xa3\x64", b"2BIT", b" paf", b".snd", b"PVF1\n", b"NIST_1A\n", b"fLaC", b"OggS\0\2"],
]


def decoded(path: Path) -> Waveform:
    return np.concatenate([*decode(path).mono, np.zeros(0, np.float32)])


@given(
    name=st.sampled_from(NAMES),
    magic=st.sampled_from([*MAGIC, b"Read me first.\n" * 500]),
    seed=st.integers(0, 2**32),
    size=st.integers(0, 30_000),
)
def test_text_and_random_bytes_are_not_audio_under_any_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, magic: bytes, seed: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("random") / name
    path.write_bytes(magic + np.random.default_rng(seed).bytes(size))
    with pytest.raises(AudioError) as error:
        decoded(path)
    # Random bytes may pass for a sampler's file, but their stated length does not fit.
    assert error.value.reason == "unreadable" or (magic == b"\1\4" and error.value.reason == "truncated")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG", "AU"])
def test_a_recording_is_the_same_under_every_name(tmp_path: Path, kind: str) -> None:
    soundfile.write(tmp_path / "good", noise(3000), RATE, format=kind)
    expected = decoded(tmp_path / "good")
    assert len(expected) >= 3000
    for name in NAMES:
        (tmp_path / name).hardlink_to(tmp_path / "good")
        assert np.array_equal(decoded(tmp_path / name), expected)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "W64", "FLAC", "AU", "AIFF", "CAF", "NIST"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_samples_of_16_bit_files_are_those_that_libsndfile_gives_in_floating_point(
    tmp_path: Path, kind: str, channels: int
) -> None:
    values = np.random.default_rng(0).integers(-32768, 32768, (5000, channels), np.int16)
    values[:2] = [[-32768], [32767]]
    soundfile.write(tmp_path / "a", values, RATE, "PCM_16", format=kind)
    assert all(block.dtype == np.int16 for block in decode(tmp_path / "a").blocks)
    floating = soundfile.read(tmp_path / "a", dtype="float32", always_2d=True)[0]
    assert np.array_equal(decoded(tmp_path / "a"), floating.mean(axis=1))


def test_the_header_is_that_of_the_decoded_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(3000, channels=2), 22050, subtype="PCM_24")
    header = decode(tmp_path / "a.flac")
    (tmp_path / "a.flac").unlink()  # opened once: the header and the samples are of the same file
    assert (header.sample_rate, header.channels, header.format) == (22050, 2, "FLAC/PCM_24")
    assert sum(map(len, header.blocks)) == 3000


def test_anything_but_a_regular_file_is_an_error_and_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.wav"))
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    for link, target in (("dangling.wav", "nothing"), ("circle.wav", "circle.wav"), ("link.wav", "fifo.wav")):
        (tmp_path / link).symlink_to(tmp_path / target)
    names = ["fifo.wav", "socket.wav", "folder.wav", "dangling.wav", "circle.wav", "link.wav", "gone.wav"]
    odd = ["x" * 300, "x/" * 3000, "file/x.wav", "zero\0.wav", "/dev/null", "/dev/zero", "/dev/tty"]
    for path in (tmp_path / name for name in (*names, *odd)):
        with pytest.raises(AudioError) as error:
            decode(path)
        assert error.value.reason in {"missing", "unreadable"}
        assert error.value.path == path
        assert len(error.value.detail) < 100


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(3000), RATE)
    (tmp_path / "half.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:3000])
    (tmp_path / "text.wav").write_text("no audio")
    os.mkfifo(tmp_path / "fifo.wav")
    soundfile.write(tmp_path / "slow.wav", noise(3000), 100)
    before = psutil.Process().num_fds()
    for name in ["half.wav", "text.wav", "fifo.wav", "slow.wav", "gone.wav"] * 20:
        with pytest.raises(AudioError):
            decode(tmp_path / name)
    for _ in range(20):
        assert len(decoded(tmp_path / "a.wav")) == 3000
        decode(tmp_path / "a.wav")  # its blocks are never taken
    assert psutil.Process().num_fds() == before


def test_a_flac_of_unknown_length_is_read_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(8000), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # its length, which a program that writes to a pipe does not know
    (tmp_path / "pipe.flac").write_bytes(content)
    assert np.array_equal(decoded(tmp_path / "pipe.flac"), decoded(tmp_path / "a.flac"))
