"""The length that an audio file states for itself, so that one that was cut short is noticed.

libsndfile believes the size of the file when a header says more. Only the bytes of the audio are compared: sizes of the
whole file are often wrong, and metadata behind the audio may be missing. docs/formats.md lists the formats.
"""

import functools
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.errors import AudioError

WINDOW = 1 << 16  # bytes read at a time
CHUNKS = 1000  # that may precede the audio
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


class _File:
    """Random access to an open file without moving its position, which libsndfile owns; offset 0 is `start`."""

    def __init__(self, descriptor: int, start: int = 0) -> None:
        self.start = start
        self.size = os.fstat(descriptor).st_size - start
        self._descriptor = descriptor
        self._at, self._window = 0, b""

    def bytes(self, at: int, count: int) -> bytes:
        """Bytes of the file, fewer at its end."""
        if not self._at <= at <= at + count <= self._at + len(self._window):
            self._at, self._window = at, os.pread(self._descriptor, max(count, WINDOW), self.start + at)
        return self._window[at - self._at : at - self._at + count]

    def unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack(form, self.bytes(at, struct.calcsize(form)))


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
    whole = _File(descriptor)
    file = _File(descriptor, _tags(whole, 0))
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


def _tags(file: _File, at: int) -> int:
    """The end of the ID3v2 tags at a place."""
    while (tag := file.bytes(at, 10))[:3] == b"ID3" and len(tag) == 10:
        size = 0
        for byte in tag[6:]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


def _chunk(file: _File, name: bytes, header: str, at: int, even: bool = True) -> tuple[int, int]:
    """The place and length of the content of a chunk; length 0 if it isn't found."""
    step = struct.calcsize(header)
    for _ in range(CHUNKS):
        if at + step > file.size:
            break
        found, length = file.unpack(header, at)
        at += step
        if found == name:
            return at, length
        at += max(length, 0) + (length % 2 if even else 0)
    return at, 0


def _wav(file: _File) -> tuple[int, int]:
    return _chunk(file, b"data", ">4sI" if file.bytes(0, 4) == b"RIFX" else "<4sI", 12)


def _rf64(file: _File) -> tuple[int, int]:
    at, length = _wav(file)
    sizes, found = _chunk(file, b"ds64", "<4sI", 12)
    return at, file.unpack("<Q", sizes + 8)[0] if found and length == 0xFFFFFFFF else length


def _w64(file: _File) -> tuple[int, int]:
    at = 40
    for _ in range(CHUNKS):
        if at + 24 > file.size:
            break
        name, length = file.unpack("<4s12xQ", at)
        if name == b"data":
            return at + 24, length - 24
        at += max((length + 7) // 8 * 8, 24)
    return at, 0


def _au(file: _File) -> tuple[int, int]:
    at, length = file.unpack("<4xII" if file.bytes(0, 4) == b"dns." else ">4xII", 0)
    return at, length


def _nist(file: _File) -> tuple[int, int]:
    header = file.bytes(0, 1024)

    def field(name: bytes) -> int | None:
        found = re.search(rb"^" + name + rb"\s+-\S+\s+(\d+)", header, re.MULTILINE)
        return int(found[1]) if found else None

    size = re.match(rb"NIST_1A\s+(\d+)", header)
    frames, channels, width = field(b"sample_count"), field(b"channel_count") or 1, field(b"sample_n_bytes") or 1
    return int(size[1]) if size else 1024, (frames or 0) * channels * width


def _voc(file: _File) -> tuple[int, int]:
    (at,) = file.unpack("<H", 20)
    for _ in range(CHUNKS):
        kind, low, high = file.unpack("<BHB", at)
        length = high << 16 | low
        if kind in (0, 1, 9):  # the end; samples, with a short header or a long one
            return at + 4, length if kind else 0
        at += 4 + length
    return at, 0


def _avr(file: _File) -> tuple[int, int]:
    stereo, bits, frames = file.unpack(">HH10xI", 12)
    return 128, frames * (bits // 8) * (1 + (stereo & 1))


def _mat4(file: _File) -> tuple[int, int]:
    """Of the second of two matrices; the first is the sample rate."""
    order = "<" if file.bytes(0, 4) == bytes(4) else ">"
    at = length = 0
    for _ in range(2):
        kind, rows, columns, _, name = file.unpack(order + "5I", at + length)
        at += length + 20 + name
        length = rows * columns * (8, 4, 4, 2, 2, 1)[min(kind // 10 % 10, 5)]
    return at, length


def _mat5(file: _File) -> tuple[int, int]:
    """As _mat4. The size of a matrix may be wrong, that of the numbers in it is not."""
    order = "<" if file.bytes(126, 2) == b"IM" else ">"

    def element(at: int) -> tuple[int, int, int]:
        """Place and length of the content, and the next element."""
        kind, length = file.unpack(order + "II", at)
        return (at + 4, 4, at + 8) if kind >> 16 else (at + 8, length, at + 8 + (length + 7) // 8 * 8)

    after, at, length = 128, 0, 0
    for _ in range(2):
        if after + 8 <= file.size:
            part, _, after = element(after)
            for _ in range(3):  # flags, size, name
                part = element(part)[2]
            at, length, _ = element(part)
    return at, length


def _mpc2k(file: _File) -> tuple[int, int]:
    stereo, frames = file.unpack("<B8xI", 21)
    return 42, frames * (4 if stereo else 2)


def _sds(file: _File) -> tuple[int, int]:
    bits, low, middle, high = file.unpack("<B3x3B", 6)
    frames = low & 0x7F | (middle & 0x7F) << 7 | (high & 0x7F) << 14
    return 21, -(-frames // max(120 // max((bits + 6) // 7, 1), 1)) * 127  # packets of 120 bytes of 7 bits


def _xi(file: _File) -> tuple[int, int]:
    count, length = file.unpack("<HI", 296)
    return 298 + 40 * count, length


FORMATS: dict[str, Callable[[_File], tuple[int, int]]] = {
    "WAV": _wav,
    "WAVEX": _wav,
    "RF64": _rf64,
    "W64": _w64,
    "AIFF": lambda file: _chunk(file, b"SSND", ">4sI", 12),
    "SVX": lambda file: _chunk(file, b"BODY", ">4sI", 12),
    "CAF": lambda file: _chunk(file, b"data", ">4sq", 8, even=False),
    "AU": _au,
    "NIST": _nist,
    "VOC": _voc,
    "AVR": _avr,
    "WVE": lambda file: (32, file.unpack(">I", 18)[0]),
    "MAT4": _mat4,
    "MAT5": _mat5,
    "MPC2K": _mpc2k,
    "SDS": _sds,
    "XI": _xi,
}


def _ogg(file: _File) -> int:
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


def _mpeg(file: _File) -> Stated:
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


def _resynchronised(file: _File, at: int, frame: Callable[[int], tuple[int, int]]) -> int:
    """The next place with two frames in a row, as decoders skip what is between frames; else the end of the file."""
    while at < file.size:
        near = file.bytes(at, WINDOW)
        found = near.find(b"\xff", 1)
        at += found if found > 0 else len(near)
        if found > 0 and (length := frame(at)[0]) and (at + length >= file.size or frame(at + length)[0]):
            return at
    return file.size
