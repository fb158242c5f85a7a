"""Stated lengths: a truncated file is detected in every format that states its length; a whole file never fails."""

import itertools
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.arrays import Waveform
from pipeline.audio.decode import decode
from pipeline.audio.headers import FORMATS
from pipeline.audio.lengths import StatedLength, stated_length
from pipeline.errors import AudioError

RATE = 16000
FRAMES = 6000
# XI states its length, but libsndfile writes 0.
UNKNOWN = {"PAF", "PVF", "IRCAM", "XI"}  # as in docs/formats.md
UNWRITABLE = {("AIFF", "DWVW_12"), ("WAV", "MPEG_LAYER_III"), ("MP3", "MPEG_LAYER_I"), ("MP3", "MPEG_LAYER_II")}
WRITTEN = [
    form for form in soundfile.available_formats() if form not in {"RAW", "SD2"}
]  # neither has a header of its own


def noise(frames: int, channels: int = 1) -> NDArray[np.float64]:
    return np.clip(np.random.default_rng(0).normal(0, 0.2, (frames, channels)), -0.9, 0.9)


def decoded(path: Path, content: bytes | bytearray) -> Waveform | str:
    """A recording, or the reason for rejecting it."""
    path.write_bytes(content)
    try:
        return np.concatenate([np.zeros(0, np.float32), *decode(path).mono])
    except AudioError as error:
        return error.reason


def outcome(path: Path, content: bytes | bytearray) -> int | str:
    """The number of frames of a recording, or the reason for rejecting it."""
    found = decoded(path, content)
    return found if isinstance(found, str) else len(found)


def written(path: Path, form: str) -> Iterator[tuple[str, bytes]]:
    """A file of each kind that libsndfile writes."""
    for subtype, channels in itertools.product(soundfile.available_subtypes(form), (1, 2)):
        try:
            soundfile.write(path, noise(FRAMES, channels), RATE, subtype, format=form)
        except (soundfile.LibsndfileError, ValueError):
            assert channels == 2 or (form, subtype) in UNWRITABLE
        else:
            yield f"{form}/{subtype}/{channels}", path.read_bytes()


def pipes() -> list[int]:
    """Lengths that programs write to a pipe instead of the true one."""
    sox, sox_24_bits, aiff, reference, ffmpeg, opus = (
        0x7FFFF000,
        0x7FFFEFFC,
        0x7F000008,
        1 << 31,
        0xFFFFFFFF,
        0x7FFFFFDB,
    )
    return [sox, sox_24_bits, aiff, reference, reference - 1, ffmpeg, ffmpeg - 36, opus]


def wav(length: int, content: bytes, *, riff: int | None = None, before: bytes = b"", order: str = "<") -> bytes:
    """16-bit mono, with any lengths in its header."""
    form = struct.pack(order + "4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    body = b"WAVE" + form + before + struct.pack(order + "4sI", b"data", length) + content
    size = len(body) if riff is None else riff
    return struct.pack(order + "4sI", b"RIFF" if order == "<" else b"RIFX", size) + body


@pytest.mark.parametrize("form", WRITTEN)
def test_a_file_of_any_format_is_accepted_whole_and_rejected_if_audio_is_cut_off(tmp_path: Path, form: str) -> None:
    for kind, content in written(tmp_path / "whole", form):
        whole = decoded(tmp_path / "whole", content)
        assert len(whole) >= FRAMES and not isinstance(whole, str), kind
        for size in (len(content) // 2, len(content) * 9 // 10, len(content) - 1):
            cut = decoded(tmp_path / "cut", content[:size])
            if isinstance(cut, str):
                assert cut in {"truncated", "unreadable"}, kind
            elif form not in UNKNOWN:  # the last byte may not be audio
                assert size == len(content) - 1 and np.array_equal(cut[:FRAMES], whole[:FRAMES]), kind


@pytest.mark.parametrize("form", sorted(UNKNOWN))
def test_half_of_a_file_of_unknown_length_passes(tmp_path: Path, form: str) -> None:
    for kind, content in written(tmp_path / "whole", form):
        assert isinstance(outcome(tmp_path / "cut", content[: len(content) // 2]), int), kind


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("riff", [0, -8, 8, 1, 3_000_000_000, 0xFFFFFFFF])
def test_only_the_length_of_the_data_of_a_wav_counts(tmp_path: Path, order: str, riff: int) -> None:
    content = noise(FRAMES).tobytes()[: 2 * FRAMES]
    size = riff if riff > 8 else len(content) + 36 + riff
    assert outcome(tmp_path / "a", wav(len(content), content, riff=size, order=order)) == FRAMES
    assert outcome(tmp_path / "a", wav(len(content), content[:-1], riff=size, order=order)) == "truncated"


def test_a_wav_of_unknown_length_is_read_to_its_end_and_one_that_claims_3_gb_is_not(tmp_path: Path) -> None:
    content = bytes(2 * FRAMES)
    for length in pipes():
        assert outcome(tmp_path / "a", wav(length, content)) == FRAMES, length
    assert outcome(tmp_path / "a", wav(0, content, riff=8)) == FRAMES
    for length in (3_000_000_000, 0x40000000, 0x70000000, 0xC0000000, 2 * FRAMES + 1):
        assert outcome(tmp_path / "a", wav(length, content)) == "truncated", length


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([b"LIST", b"bext", b"junk", b"id3 "]), st.binary(max_size=50)), max_size=8),
    st.integers(2, 3000),
    st.integers(-3000, 40),
    st.binary(max_size=40),
)
def test_the_data_of_a_wav_are_found_behind_any_chunks(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[tuple[bytes, bytes]], length: int, more: int, after: bytes
) -> None:
    before = b"".join(struct.pack("<4sI", name, len(text)) + text + bytes(len(text) % 2) for name, text in chunks)
    n_bytes = max(length + more, 0)
    path = tmp_path_factory.mktemp("wav") / "a"
    path.write_bytes(wav(length, bytes(n_bytes) + (after if more >= 0 else b""), before=before))
    with path.open("rb") as file:
        end = stated_length(file.fileno(), "WAV").end
    assert end == 44 + len(before) + length
    assert (end > path.stat().st_size) == (n_bytes < length)


@pytest.mark.parametrize("form", ["WAV", "AIFF", "FLAC"])
def test_an_id3_tag_before_a_file_shifts_its_end(tmp_path: Path, form: str) -> None:
    soundfile.write(tmp_path / "a", noise(FRAMES), RATE, format=form, subtype="PCM_16")
    content = b"ID3\3\0\0\0\0\1\0" + bytes(128) + (tmp_path / "a").read_bytes()
    assert outcome(tmp_path / "b", content) == FRAMES
    assert outcome(tmp_path / "b", content[:-100]) == "truncated"


SOX = {"wav": [], "au": [], "aiff": [], "aifc": [], "flac": [], "ogg": [], "caf": [], "wve": ["-r", "8000"]}


@pytest.mark.parametrize("form", SOX)
@pytest.mark.parametrize("sample", [["-b", "16", "-c", "1"], ["-b", "24", "-c", "2"]])
def test_the_output_of_sox_to_a_pipe_is_accepted(tmp_path: Path, form: str, sample: list[str]) -> None:
    soundfile.write(tmp_path / "in.wav", noise(FRAMES, 2), RATE)
    command = ["sox", "-V1", "-D", str(tmp_path / "in.wav"), *sample, *SOX[form], "-t", form, "-"]
    content = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    n_frames = FRAMES // 2 if form == "wve" else 0 if form == "caf" else FRAMES  # SoX writes a CAF of length 0
    assert outcome(tmp_path / "out", content) == n_frames


def plain_mp3(path: Path, level: float = 0.9, frames: int = 3 * RATE) -> tuple[bytes, int]:
    """MPEG frames of one size without a header before them, and that size."""
    options = {"bitrate_mode": "CONSTANT", "compression_level": level}
    soundfile.write(path, noise(frames), RATE, format="MP3", **options)
    content = path.read_bytes()
    size = content.index(content[:2], 1)
    first = content[:size]
    return content[size if b"Info" in first or b"Xing" in first else 0 :], size


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1, exclude_max=True))
@example(0.001)  # three bytes of a frame
def test_an_mp3_is_truncated_wherever_a_frame_is_cut(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = tmp_path_factory.mktemp("mp3")
    content, size = plain_mp3(folder / "whole", frames=RATE)
    assert b"Xing" not in content
    cut = 2 * size + int(share * (len(content) - 2 * size))
    assert (outcome(folder / "cut", content[:cut]) == "truncated") == (cut % size > 0)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
def test_an_mp3_that_states_its_frames_is_truncated_if_some_are_missing(tmp_path: Path, mode: str, rate: int) -> None:
    soundfile.write(tmp_path / "a", noise(rate, 2), rate, format="MP3", bitrate_mode=mode, compression_level=0.2)
    content = (tmp_path / "a").read_bytes()
    assert b"Xing" in content or b"Info" in content
    assert outcome(tmp_path / "b", content) == rate
    for share in (0.3, 0.5, 0.9):
        assert outcome(tmp_path / "b", content[: int(share * len(content))]) == "truncated"
    with (tmp_path / "a").open("rb") as file:
        end = stated_length(file.fileno(), "MP3").end
    assert end == len(content)


def test_data_around_mpeg_frames_is_not_damage(tmp_path: Path) -> None:
    content, size = plain_mp3(tmp_path / "a")
    tag = b"ID3\3\0\0\0\0\1\0" + b"\xff\xfb" * 64
    whole = outcome(tmp_path / "a", content)
    assert whole == len(content) // size * 576
    assert outcome(tmp_path / "a", tag + tag + content) == whole
    for tail in (b"TAG" + bytes(125), bytes(500), b"APETAGEX" + bytes(24)):
        assert outcome(tmp_path / "a", content + tail) == whole
    assert outcome(tmp_path / "a", content + tag + content) == 2 * whole
    assert outcome(tmp_path / "a", tag + content[:-1]) == "truncated"
    assert outcome(tmp_path / "a", content[: 4 * size] + bytes(300) + content[4 * size :]) == whole
    assert outcome(tmp_path / "a", content[: 4 * size] + bytes(300) + content[4 * size : -1]) == "truncated"


def test_an_mp3_of_changing_bitrate_without_a_header_is_read_whole_or_rejected(tmp_path: Path) -> None:
    low, size = plain_mp3(tmp_path / "low", 0.9)
    high, other = plain_mp3(tmp_path / "high", 0.1)
    assert other > size
    n_low, n_high = len(decoded(tmp_path / "a", low)), len(decoded(tmp_path / "a", high))
    assert outcome(tmp_path / "a", low + high) == n_low + n_high  # libsndfile expects more
    assert outcome(tmp_path / "a", high + low) == "truncated"  # libsndfile expects less and stops there


@pytest.fixture(scope="module")
def oggs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("ogg") / "a"
    contents = {}
    for subtype in ("VORBIS", "OPUS"):
        soundfile.write(path, noise(4 * RATE), RATE, subtype, format="OGG")
        contents[subtype] = path.read_bytes()
    return contents


@settings(deadline=None, max_examples=50)
@given(subtype=st.sampled_from(["VORBIS", "OPUS"]), share=st.floats(0, 1, exclude_max=True))
def test_an_ogg_file_is_rejected_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, oggs: dict[str, bytes], subtype: str, share: float
) -> None:
    content, path = oggs[subtype], tmp_path_factory.mktemp("ogg") / "a"
    assert outcome(path, content[: int(share * len(content))]) in {"truncated", "unreadable"}


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_the_last_page_of_an_ogg_file_is_marked(tmp_path: Path, oggs: dict[str, bytes], subtype: str) -> None:
    content = oggs[subtype]
    last = content.rindex(b"OggS")
    assert outcome(tmp_path / "a", content) == 4 * RATE
    assert outcome(tmp_path / "a", content[:last]) == "truncated"
    assert outcome(tmp_path / "a", content + b"garbage" * 100) == 4 * RATE


def test_the_length_of_the_sample_of_an_instrument_is_compared(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a", noise(FRAMES), 44100, "DPCM_16", format="XI")
    content = bytearray((tmp_path / "a").read_bytes())
    content[298:302] = struct.pack("<I", 2 * FRAMES)
    assert outcome(tmp_path / "a", content) == FRAMES
    assert outcome(tmp_path / "a", content[:-2]) == "truncated"


@pytest.mark.parametrize("form", sorted(FORMATS))
@settings(deadline=None, max_examples=50)
@given(content=st.binary(max_size=400))
def test_no_content_breaks_the_reading_of_a_header(
    tmp_path_factory: pytest.TempPathFactory, form: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert isinstance(stated_length(file.fileno(), form), StatedLength)
        assert file.tell() == 0


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("missing", ["middle", "last but one", "last", "all but the last"])
def test_ogg_pages_that_are_missing_are_noticed(tmp_path: Path, subtype: str, missing: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(20 * RATE), RATE, format="OGG", subtype=subtype)
    content = path.read_bytes()
    starts = [found.start() for found in re.finditer(b"OggS", content)]
    pages = [content[start:end] for start, end in zip(starts, [*starts[1:], len(content)], strict=True)]
    dropped = {
        "middle": [len(pages) // 2], "last but one": [len(pages) - 2], "last": [len(pages) - 1],
        "all but the last": [*range(5, len(pages) - 1)],
    }[missing]  # fmt: skip
    path.write_bytes(b"".join(page for number, page in enumerate(pages) if number not in dropped))
    with pytest.raises(AudioError) as error:
        list(decode(path).blocks)
    assert error.value.reason == "truncated"
