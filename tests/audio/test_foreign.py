"""Formats that only PyAV reads: decoded like any other, cut ones told, and a decoder that dies is replaced."""

import functools
import gc
import io
import signal
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from scipy.signal import correlate

from pipeline.audio import foreign
from pipeline.audio.decode import decode
from pipeline.errors import AudioError
from tests.fingerprint.signals import RATE, voice
from tests.programs import python

FORMATS = {  # ending: FFmpeg's format and codec
    "m4a": ("ipod", "aac"), "mp4": ("mp4", "aac"), "aac": ("adts", "aac"), "wma": ("asf", "wmav2"),
    "mkv": ("matroska", "aac"), "avi": ("avi", "pcm_s16le"), "webm": ("webm", "libopus"), "flv": ("flv", "aac"),
}  # fmt: skip


@functools.cache
def encoded(ending: str, seconds: float, channels: int, silent_s: float = 0.0) -> bytes:
    """Return a file with a voice, after silence; the second channel is silent."""
    container_format, codec = FORMATS[ending]
    rate = 48000 if codec == "libopus" else RATE
    sound = np.zeros((channels, round(seconds * rate)), np.int16)
    sound[0] = voice(0, seconds, rate)
    sound[0, : round(silent_s * rate)] = 0
    layout = "stereo" if channels == 2 else "mono"
    content = io.BytesIO()
    with av.open(content, "w", format=container_format) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 64_000 * channels
        for at in range(0, sound.shape[1], 1024):
            part = np.ascontiguousarray(sound[:, at : at + 1024].T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return content.getvalue()


def write(path: Path, seconds: float = 3.0, channels: int = 1) -> None:
    path.write_bytes(encoded(path.suffix[1:], seconds, channels))


@pytest.fixture(scope="module")
def decoder() -> foreign.Decoder:
    return foreign.Decoder()


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_decoded(tmp_path: Path, decoder: foreign.Decoder, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path)
    misnamed = path.rename(tmp_path / "http:x|y.wav")  # the content decides, and no name is a protocol
    decoded = decode(misnamed, decoder)
    sound = np.concatenate(list(decoded.mono))
    assert decoded.format.split("/")[0] in {kind.name for kind in foreign.KINDS}
    assert len(sound) / decoded.sample_rate == pytest.approx(3.0, abs=0.15)
    wanted = voice(0, 3.0, decoded.sample_rate) / 32768
    alike = correlate(sound, wanted).max() / np.sqrt(np.sum(np.square(sound)) * np.sum(np.square(wanted)))
    assert alike > 0.9


def test_an_aac_that_begins_with_silence_is_whole(tmp_path: Path, decoder: foreign.Decoder) -> None:
    (tmp_path / "a.aac").write_bytes(encoded("aac", 20.0, 1, 15.0))  # FFmpeg estimates its length from the first frames
    assert sum(map(len, decode(tmp_path / "a.aac", decoder).blocks)) == pytest.approx(20 * RATE, abs=3000)


def test_channels_are_those_of_the_file(tmp_path: Path, decoder: foreign.Decoder) -> None:
    write(tmp_path / "a.m4a", channels=2)
    sound = np.concatenate(list(decode(tmp_path / "a.m4a", decoder).blocks))
    assert sound.shape[1] == 2
    assert np.abs(sound[:, 0]).max() > 100 * np.abs(sound[:, 1]).max()


def test_without_pyav_one_sentence_says_what_to_install_and_one_line_how_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.m4a")
    monkeypatch.setattr(foreign, "is_installed", lambda: False)
    with pytest.raises(AudioError, match=r"is MP4, which libsndfile does not read; install PyAV \(pip") as error:
        decode(tmp_path / "a.m4a")
    needs, other = error.value.detail, "holds nothing but zeros"
    assert foreign.waiting([other]) == []
    assert foreign.waiting([needs])[0].startswith("1 file needs PyAV, which is not installed: install PyAV (")
    assert foreign.waiting([other, *12 * [needs]])[0].startswith("12 files need PyAV")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_decoder_that_dies_or_stops_is_reported_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    write(tmp_path / "a.m4a", 30.0)
    before = psutil.Process().children()
    decoder = foreign.Decoder()
    blocks = decode(tmp_path / "a.m4a", decoder).blocks
    next(blocks)
    [process] = set(psutil.Process().children()) - set(before)
    process.send_signal(number)
    monkeypatch.setattr(foreign, "ANSWER_S", 0.5)
    with pytest.raises(AudioError, match="crashes or stops its decoder"):
        list(blocks)
    monkeypatch.undo()
    assert sum(map(len, decode(tmp_path / "a.m4a", decoder).blocks)) == pytest.approx(30 * RATE, abs=3000)


def test_a_file_that_is_not_read_to_its_end_does_not_disturb_the_next(tmp_path: Path, decoder: foreign.Decoder) -> None:
    write(tmp_path / "a.m4a", 30.0)
    first, again = (next(decode(tmp_path / "a.m4a", decoder).blocks) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_one_process_decodes_many_files_and_ends_with_its_decoder_or_file(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", 0.3)
    (tmp_path / "b.m4a").write_bytes((tmp_path / "a.m4a").read_bytes()[:3000])
    this = psutil.Process()
    gc.collect()  # decoders of other tests, which their exceptions still hold
    before, seen = (this.children(), this.num_fds()), set()
    own = foreign.Decoder()
    for _ in range(200):
        list(decode(tmp_path / "a.m4a", own).blocks)
        with pytest.raises(AudioError):
            list(decode(tmp_path / "b.m4a", own).blocks)
        seen.add((*this.children(), this.num_fds()))
    assert len(seen) == 1
    del own
    assert (this.children(), this.num_fds()) == before
    with pytest.raises(AudioError):
        list(decode(tmp_path / "b.m4a").blocks)
    list(decode(tmp_path / "a.m4a").blocks)
    next(decode(tmp_path / "a.m4a").blocks)
    decode(tmp_path / "a.m4a")
    assert (this.children(), this.num_fds()) == before


def test_a_decoder_ends_with_this_process(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", 30.0)
    code = f"""
import os, psutil
from pathlib import Path
from pipeline.audio.decode import decode
blocks = decode(Path({str(tmp_path / "a.m4a")!r})).blocks
next(blocks)
print(psutil.Process().children()[0].pid, flush=True)
os.kill(os.getpid(), 9)
"""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(python(code).stdout)).wait(timeout=20)


@pytest.mark.parametrize("ending", FORMATS)
def test_of_cut_and_joined_files_all_is_decoded_or_none(tmp_path: Path, decoder: foreign.Decoder, ending: str) -> None:
    path, content = tmp_path / f"a.{ending}", encoded(ending, 3.0, 1)
    path.write_bytes(content)
    whole = sum(map(len, decode(path, decoder).blocks))
    path.write_bytes(2 * content)
    try:
        assert sum(map(len, decode(path, decoder).blocks)) == pytest.approx(2 * whole, rel=0.05)
    except AudioError as error:
        assert error.reason in {"longer", "truncated"}
    if ending in {"m4a", "mp4", "wma", "mkv", "avi"}:  # the others do not state their length
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(AudioError) as cut:
            list(decode(path, decoder).blocks)
        assert cut.value.reason in {"truncated", "unreadable"}
