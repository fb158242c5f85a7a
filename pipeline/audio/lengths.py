"""The length that an audio file states for itself, so that one that was cut short is noticed.

libsndfile believes the size of the file when a header says more. Only the bytes of the audio are compared: sizes of the
whole file are often wrong, and metadata behind the audio may be missing. docs/formats.md lists the formats.
"""

import functools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.audio.headers import FORMATS, WINDOW, File
from pipeline.errors import AudioError

PIPE = [0x7F000000, 1 << 31, 1 << 32, 1 << 63, 1 << 64]  # programs that write to a pipe state about so many bytes, or 0
SLACK = 1 << 16  # bytes by which they differ, for their own headers and for whole frames
OGG_PAGE = 27 + 255 + 255 * 255  # bytes at most, RFC 3533
MPEG_RATES = (44100, 48000, 32000)  # Hz, of MPEG-1; ISO 11172-3
MPEG_KBPS = {  # by version 1 and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MPEG_KIND = 0xFFFE0C00  # bits of a frame's header that stay the same: version, layer and sample rate
MPEG_TRIMMED = (
    2 * 4095 + 529 + 3 * 1152
)  # samples that decoders drop: encoder's padding, own delay, frames without audio


@dataclass(frozen=True)
class Stated:
    """The length of an audio file by its own account.

    Attributes
    ----------
    end
        Where its audio ends, in bytes from the start of the file, at least; None if it does not say.
    frames
        How many frames a decoder must give, at least; None if its header is to be believed.
    """

    end: int | None = None
    frames: int | None = None


def stated(descriptor: int, form: str) -> Stated:
    """Read the length that a file states.

    Parameters
    ----------
    descriptor
        Of the open file; its position stays.
    form
        libsndfile's name of the format, such as ``WAV``.

    Raises
    ------
    AudioError
        ``unreadable``, if the file only looks like MPEG audio.
    """
    whole = File(descriptor)
    file = File(descriptor, _tags(whole, 0))
    if form == "MP3":
        return _mpeg(file)
    if form == "OGG":
        return Stated(_ogg(file))
    if form not in FORMATS:
        return Stated()
    try:
        at, length = FORMATS[form](file)
    except (struct.error, OverflowError):  # ends within its header
        return Stated(file.start + file.size + 1)
    known = length > 0 and all(abs(length - size) > SLACK for size in PIPE)
    return Stated(file.start + at + length if known else None)


def _tags(file: File, at: int) -> int:
    """The end of the ID3v2 tags at a place."""
    while (tag := file.bytes(at, 10))[:3] == b"ID3" and len(tag) == 10:
        size = 0
        for byte in tag[6:]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


def _ogg(file: File) -> int:
    """The end of the last page, or more if it is not all there or not marked as the last."""
    start = max(file.size - 2 * OGG_PAGE, 0)
    tail = file.bytes(start, 2 * OGG_PAGE)
    page = tail.rfind(b"OggS")
    header = tail[page : page + 27]
    if page < 0 or len(header) < 27 or not header[5] & 4:
        return file.start + file.size + 1
    lacing = tail[page + 27 : page + 27 + header[26]]
    return file.start + start + page + 27 + header[26] + sum(lacing)


@functools.lru_cache(4096)
def _mpeg_frame(header: int) -> tuple[int, int]:
    """Bytes and samples of an MPEG audio frame by its first 4 bytes; 0 bytes if they don't begin one."""
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    kbps, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or kbps in (0, 15) or rate == 3:
        return 0, 0
    one = version == 3
    samples = 384 if layer == 1 else 1152 if one or layer == 2 else 576
    slot = 4 if layer == 1 else 1  # bytes
    hertz = MPEG_RATES[rate] // (1 if one else 2 if version == 2 else 4)
    return (samples // 8 // slot * 1000 * MPEG_KBPS[one, layer][kbps - 1] // hertz + padding) * slot, samples


def _mpeg(file: File) -> Stated:
    (kind,) = file.unpack(">I", 0)

    def frame(at: int) -> tuple[int, int]:
        header = int.from_bytes(file.bytes(at, 4), "big")
        return _mpeg_frame(header) if (header ^ kind) & MPEG_KIND == 0 else (0, 0)

    length, samples = frame(0)
    if not frame(length)[0]:  # two bytes alone happen to look like a frame in one of 5,000 files
        raise AudioError("unreadable", "is not a chain of MPEG frames; convert it to WAV or FLAC")
    promised = _xing(file.bytes(0, length))
    at = end = frames = 0
    while at < file.size:
        if length := frame(at)[0]:
            frames += 1
            at += length
            end = at
        elif (after := _tags(file, at)) > at:
            at = after
        else:
            at = _resynchronised(file, at, frame)
    if promised > frames:
        end = file.size + 1
    return Stated(file.start + end, frames * samples - MPEG_TRIMMED)


def _xing(first: bytes) -> int:
    """Frames that the first of them promises; 0 if it doesn't."""
    found = re.search(rb"(?:Xing|Info)...[\x01\x03\x05\x07\x09\x0b\x0d\x0f](.{4})", first[:64], re.DOTALL)
    return int.from_bytes(found[1], "big") if found else 0


def _resynchronised(file: File, at: int, frame: Callable[[int], tuple[int, int]]) -> int:
    """The next place with two frames in a row, as decoders skip what is between frames; else the end of the file."""
    while at < file.size:
        near = file.bytes(at, WINDOW)
        found = near.find(b"\xff", 1)
        at += found if found > 0 else len(near)
        if found > 0 and (length := frame(at)[0]) and (at + length >= file.size or frame(at + length)[0]):
            return at
    return file.size
