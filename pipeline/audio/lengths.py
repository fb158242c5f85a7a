"""The length that an audio file states, so that a truncated file is detected.

If a header states more than the file holds, libsndfile ignores it. Only the bytes of the audio are compared:
stated sizes of the whole file are often wrong, and metadata after the audio may be missing. docs/formats.md lists the
formats.
"""

import functools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.audio.headers import FORMATS, WINDOW_BYTES, File
from pipeline.errors import AudioError

PIPE_BYTES = [0x7F000000, 1 << 31, 1 << 32, 1 << 63, 1 << 64]  # programs that write to a pipe state about these, or 0
PIPE_SLACK_BYTES = 1 << 16  # difference from these, for the programs' own headers and for whole frames
MAX_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # RFC 3533
MPEG_RATES_HZ = (44100, 48000, 32000)  # of MPEG-1; ISO 11172-3
MPEG_KBPS = {  # by whether it is MPEG-1, and by layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MPEG_KIND_BITS = 0xFFFE0C00  # of a frame's header, the same in all frames: version, layer and sample rate
MPEG_DROPPED_SAMPLES = 2 * 4095 + 529 + 3 * 1152  # by decoders: encoder's padding, own delay, frames without audio


@dataclass(frozen=True)
class StatedLength:
    """The length that an audio file states.

    Attributes
    ----------
    end
        Minimum offset of the end of its audio, bytes from the start of the file; None if it does not state one.
    frames
        Minimum number of frames that decoding must give; None: the number that libsndfile reads in the header.
    """

    end: int | None = None
    frames: int | None = None


def stated_length(descriptor: int, file_format: str, path: Path | None = None) -> StatedLength:
    """Read the length that a file states.

    Parameters
    ----------
    descriptor
        Of the open file; its position does not change.
    file_format
        libsndfile's name, such as ``WAV``.
    path
        For errors.

    Raises
    ------
    AudioError
        ``unreadable``, if the file only looks like MPEG audio.
    """
    whole = File(descriptor)
    file = File(descriptor, _tags(whole, 0))
    if file_format == "MP3":
        return _mpeg(file, path)
    if file_format == "OGG":
        return StatedLength(_ogg(file))
    if file_format not in FORMATS:
        return StatedLength()
    try:
        at, length = FORMATS[file_format](file)
    except (struct.error, OverflowError):  # ends within its header
        return StatedLength(file.start + file.size + 1)
    known = length > 0 and all(abs(length - size) > PIPE_SLACK_BYTES for size in PIPE_BYTES)
    return StatedLength(file.start + at + length if known else None)


def _tags(file: File, at: int) -> int:
    """The end of the ID3v2 tags at an offset."""
    while (tag := file.bytes(at, 10))[:3] == b"ID3" and len(tag) == 10:
        size = 0
        for byte in tag[6:]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


def _ogg(file: File) -> int:
    """The end of the last page; beyond the end of the file if it is incomplete or not marked as the last."""
    start = max(file.size - 2 * MAX_OGG_PAGE_BYTES, 0)
    tail = file.bytes(start, 2 * MAX_OGG_PAGE_BYTES)
    page = tail.rfind(b"OggS")
    header = tail[page : page + 27]
    if page < 0 or len(header) < 27 or not header[5] & 4:
        return file.start + file.size + 1
    lacing = tail[page + 27 : page + 27 + header[26]]
    return file.start + start + page + 27 + header[26] + sum(lacing)


@functools.lru_cache(4096)
def _mpeg_frame(header: int) -> tuple[int, int]:
    """Length in bytes and in samples of an MPEG audio frame, from its first 4 bytes; 0 if they don't begin one."""
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    kbps, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or kbps in (0, 15) or rate == 3:
        return 0, 0
    mpeg_1 = version == 3
    n_samples = 384 if layer == 1 else 1152 if mpeg_1 or layer == 2 else 576
    slot = 4 if layer == 1 else 1  # bytes
    hertz = MPEG_RATES_HZ[rate] // (1 if mpeg_1 else 2 if version == 2 else 4)
    return (n_samples // 8 // slot * 1000 * MPEG_KBPS[mpeg_1, layer][kbps - 1] // hertz + padding) * slot, n_samples


def _mpeg(file: File, path: Path | None) -> StatedLength:
    (kind,) = file.unpack(">I", 0)

    def frame(at: int) -> tuple[int, int]:
        header = int.from_bytes(file.bytes(at, 4), "big")
        return _mpeg_frame(header) if (header ^ kind) & MPEG_KIND_BITS == 0 else (0, 0)

    length, n_samples = frame(0)
    if not frame(length)[0]:  # in one of 5,000 other files two bytes look like the start of a frame
        raise AudioError("unreadable", "is not a chain of MPEG frames; convert it to WAV or FLAC", path)
    stated = _xing(file.bytes(0, length))
    at = end = frames = 0
    while at < file.size:
        if length := frame(at)[0]:
            frames += 1
            at += length
            end = at
        elif (after := _tags(file, at)) > at:
            at = after
        elif _begins(file.bytes(at, 4), kind):
            at = end = file.size + 1
        else:
            at = _resynchronised(file, at, frame)
    if stated > frames:
        end = file.size + 1
    return StatedLength(file.start + end, frames * n_samples - MPEG_DROPPED_SAMPLES)


def _begins(tail: bytes, kind: int) -> bool:
    """Tell if one to three bytes at the end of a file are the beginning of a frame's header."""
    missing = 8 * (4 - len(tail))
    different = (int.from_bytes(tail, "big") << missing) ^ kind
    return 0 < missing < 32 and (different & MPEG_KIND_BITS) >> missing == 0


def _xing(first: bytes) -> int:
    """Number of frames that a Xing or Info header in the first frame states; 0 without one."""
    found = re.search(rb"(?:Xing|Info)...[\x01\x03\x05\x07\x09\x0b\x0d\x0f](.{4})", first[:64], re.DOTALL)
    return int.from_bytes(found[1], "big") if found else 0


def _resynchronised(file: File, at: int, frame: Callable[[int], tuple[int, int]]) -> int:
    """Offset of the next two frames in a row, as decoders skip data between frames; or the end of the file."""
    while at < file.size:
        near = file.bytes(at, WINDOW_BYTES)
        found = near.find(b"\xff", 1)
        at += found if found > 0 else len(near)
        if found > 0 and (length := frame(at)[0]) and (at + length >= file.size or frame(at + length)[0]):
            return at
    return file.size
