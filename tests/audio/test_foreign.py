"""Formats that only PyAV reads: decoded like any other, cut ones told, and a decoder that dies is replaced."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import correlate

from pipeline.audio import foreign
from pipeline.audio.decode import decode, duration
from pipeline.errors import AudioError
from tests.fingerprint.signals import voice

RATE = 16000
FORMATS = {  # ending: FFmpeg's format and codec
    "m4a": ("ipod", "aac"), "mp4": ("mp4", "aac"), "aac": ("adts", "aac"), "wma": ("asf", "wmav2"),
    "mkv": ("matroska", "aac"), "avi": ("avi", "pcm_s16le"), "webm": ("webm", "libopus"), "flv": ("flv", "aac"),
}  # fmt: skip


def next_decoder() -> int:
    """The process that will decode the next file."""
    foreign._Decoder.idle.append(foreign._Decoder())
    return foreign._Decoder.idle[-1]._process.pid


def write(path: Path, seconds: float = 3.0, channels: int = 1) -> None:
    """Encode a voice; the second channel is silent."""
    container_format, codec = FORMATS[path.suffix[1:]]
    rate = 48000 if codec == "libopus" else RATE
    sound = np.zeros((channels, round(seconds * rate)), np.int16)
    sound[0] = voice(0, seconds, rate)
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w", format=container_format) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 64_000 * channels
        for at in range(0, sound.shape[1], 1024):
            content = np.ascontiguousarray(sound[:, at : at + 1024].T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(content, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_decoded(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path)
    misnamed = path.rename(tmp_path / "http:x|y.wav")  # the content decides, and no name is a protocol
    decoded = decode(misnamed)
    sound = np.concatenate(list(decoded.mono))
    assert decoded.format.split("/")[0] in {kind.name for kind in foreign.KINDS}
    assert len(sound) / decoded.sample_rate == pytest.approx(3.0, abs=0.15)
    wanted = voice(0, 3.0, decoded.sample_rate) / 32768
    alike = correlate(sound, wanted).max() / np.sqrt(np.sum(np.square(sound)) * np.sum(np.square(wanted)))
    assert alike > 0.9
    assert duration(misnamed) == 0


def test_channels_are_those_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", channels=2)
    decoded = decode(tmp_path / "a.m4a")
    sound = np.concatenate(list(decoded.blocks))
    assert (decoded.channels, sound.shape[1]) == (2, 2)
    assert np.abs(sound[:, 0]).max() > 100 * np.abs(sound[:, 1]).max()


@pytest.mark.parametrize("ending", ["m4a", "mp4", "wma", "mkv"])
def test_a_cut_file_is_rejected(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, 20.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError) as error:
        list(decode(path).blocks)
    assert error.value.reason in ("truncated", "unreadable")


def test_without_pyav_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.m4a")
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(foreign, "is_installed", lambda: False)
    with pytest.raises(AudioError, match=r"is MP4, which libsndfile does not read; install PyAV \(pip install av\)"):
        decode(tmp_path / "a.m4a")


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"isom" * 900, bytes(range(256)) * 50])
@pytest.mark.parametrize("kind", foreign.KINDS, ids=lambda kind: f"{kind.name}-{kind.magic.hex()}")
def test_a_beginning_without_a_file_is_rejected(tmp_path: Path, kind: foreign.Kind, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(kind.offset) + kind.magic + content)
    with pytest.raises(AudioError) as error:
        list(decode(path).blocks)
        raise AudioError("too_short", "decodes to nothing", path)
    assert error.value.reason in ("unreadable", "too_short", "truncated")
    assert "\n" not in str(error.value)


def test_a_decoder_that_dies_is_reported_and_replaced(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", 30.0)
    process = next_decoder()
    blocks = decode(tmp_path / "a.m4a").blocks
    next(blocks)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(AudioError, match="crashes or stops its decoder"):
        list(blocks)
    assert sum(len(block) for block in decode(tmp_path / "a.m4a").blocks) == pytest.approx(30 * RATE, abs=3000)


def test_a_decoder_that_stops_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.m4a", 30.0)
    monkeypatch.setattr(foreign, "ANSWER_S", 0.5)
    process = next_decoder()
    blocks = decode(tmp_path / "a.m4a").blocks
    next(blocks)
    os.kill(process, signal.SIGSTOP)
    with pytest.raises(AudioError, match="crashes or stops its decoder"):
        list(blocks)


def test_a_file_that_is_not_read_to_its_end_does_not_disturb_the_next(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", 30.0)
    for _ in range(3):
        blocks = decode(tmp_path / "a.m4a").blocks
        first = next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    again = next(decode(tmp_path / "a.m4a").blocks)
    np.testing.assert_array_equal(first, again)


def test_one_process_serves_the_files_of_all_threads_and_ends_with_this_one(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a")
    code = f"""
import threading
from pathlib import Path
from pipeline.audio import foreign
from pipeline.audio.decode import decode
for number in range(4):
    thread = threading.Thread(target=lambda: list(decode(Path({str(tmp_path / "a.m4a")!r})).blocks))
    thread.start()
    thread.join()
    print(*[decoder._process.pid for decoder in foreign._Decoder.idle])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (process,) = set(done.stdout.split())
    deadline = time.monotonic() + 20
    while Path("/proc", process).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path("/proc", process).exists()


@pytest.mark.parametrize("ending", FORMATS)
def test_of_joined_files_all_are_decoded_or_none(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path)
    whole = sum(map(len, decode(path).blocks))
    path.write_bytes(2 * path.read_bytes())
    try:
        assert sum(map(len, decode(path).blocks)) == pytest.approx(2 * whole, rel=0.05)
    except AudioError as error:
        assert error.reason in {"longer", "truncated"}
