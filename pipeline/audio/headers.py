"""Offset and stated length of the audio in a file, read from its header, by libsndfile's name of the format."""

import os
import re
import struct
from collections.abc import Callable
from typing import Any

WINDOW_BYTES = 1 << 16  # read at a time
MAX_CHUNKS = 1000  # before the audio


class File:
    """Random access to an open file. Its position, which libsndfile owns, does not change. Offset 0 is `start`."""

    def __init__(self, descriptor: int, start: int = 0) -> None:
        self.start = start
        self.size = os.fstat(descriptor).st_size - start
        self._descriptor = descriptor
        self._at, self._window = 0, b""

    def bytes(self, at: int, count: int) -> bytes:
        """Bytes of the file, fewer at its end."""
        if not self._at <= at <= at + count <= self._at + len(self._window):
            self._at, self._window = at, os.pread(self._descriptor, max(count, WINDOW_BYTES), self.start + at)
        return self._window[at - self._at : at - self._at + count]

    def unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        """Numbers and strings of a layout that `struct` reads; struct.error if the file ends too early."""
        return struct.unpack(layout, self.bytes(at, struct.calcsize(layout)))


def _chunk(file: File, name: bytes, header: str, at: int, even: bool = True) -> tuple[int, int]:
    """Offset and length of a chunk's content; length 0 if it isn't found."""
    step = struct.calcsize(header)
    for _ in range(MAX_CHUNKS):
        if at + step > file.size:
            break
        found, length = file.unpack(header, at)
        at += step
        if found == name:
            return at, length
        at += max(length, 0) + (length % 2 if even else 0)
    return at, 0


def _wav(file: File) -> tuple[int, int]:
    return _chunk(file, b"data", ">4sI" if file.bytes(0, 4) == b"RIFX" else "<4sI", 12)


def _rf64(file: File) -> tuple[int, int]:
    at, length = _wav(file)
    sizes, found = _chunk(file, b"ds64", "<4sI", 12)
    return at, file.unpack("<Q", sizes + 8)[0] if found and length == 0xFFFFFFFF else length


def _w64(file: File) -> tuple[int, int]:
    at = 40
    for _ in range(MAX_CHUNKS):
        if at + 24 > file.size:
            break
        name, length = file.unpack("<4s12xQ", at)
        if name == b"data":
            return at + 24, length - 24
        at += max((length + 7) // 8 * 8, 24)
    return at, 0


def _au(file: File) -> tuple[int, int]:
    at, length = file.unpack("<4xII" if file.bytes(0, 4) == b"dns." else ">4xII", 0)
    return at, length


def _nist(file: File) -> tuple[int, int]:
    header = file.bytes(0, 1024)

    def field(name: bytes) -> int | None:
        found = re.search(rb"^" + name + rb"\s+-\S+\s+(\d+)", header, re.MULTILINE)
        return int(found[1]) if found else None

    size = re.match(rb"NIST_1A\s+(\d+)", header)
    frames, channels, width = field(b"sample_count"), field(b"channel_count") or 1, field(b"sample_n_bytes") or 1
    return int(size[1]) if size else 1024, (frames or 0) * channels * width


def _voc(file: File) -> tuple[int, int]:
    (at,) = file.unpack("<H", 20)
    for _ in range(MAX_CHUNKS):
        kind, low, high = file.unpack("<BHB", at)
        length = high << 16 | low
        if kind in (0, 1, 9):  # the end; samples, with a short header or a long one
            return at + 4, length if kind else 0
        at += 4 + length
    return at, 0


def _avr(file: File) -> tuple[int, int]:
    stereo, bits, frames = file.unpack(">HH10xI", 12)
    return 128, frames * (bits // 8) * (1 + (stereo & 1))


def _mat4(file: File) -> tuple[int, int]:
    """The second of two matrices holds the audio; the first is the sample rate."""
    order = "<" if file.bytes(0, 4) == bytes(4) else ">"
    at = length = 0
    for _ in range(2):
        kind, rows, columns, _, name = file.unpack(order + "5I", at + length)
        at += length + 20 + name
        length = rows * columns * (8, 4, 4, 2, 2, 1)[min(kind // 10 % 10, 5)]
    return at, length


def _mat5(file: File) -> tuple[int, int]:
    """As _mat4. The stated size of a matrix may be wrong; the size of the numbers in it is right."""
    order = "<" if file.bytes(126, 2) == b"IM" else ">"

    def element(at: int) -> tuple[int, int, int]:
        """Offset and length of the content, and the offset of the next element."""
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


def _mpc2k(file: File) -> tuple[int, int]:
    stereo, frames = file.unpack("<B8xI", 21)
    return 42, frames * (4 if stereo else 2)


def _sds(file: File) -> tuple[int, int]:
    bits, low, middle, high = file.unpack("<B3x3B", 6)
    frames = low & 0x7F | (middle & 0x7F) << 7 | (high & 0x7F) << 14
    return 21, -(-frames // max(120 // max((bits + 6) // 7, 1), 1)) * 127  # packets of 120 bytes of 7 bits


def _xi(file: File) -> tuple[int, int]:
    count, length = file.unpack("<HI", 296)
    return 298 + 40 * count, length


FORMATS: dict[str, Callable[[File], tuple[int, int]]] = {
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
"""Offset and length in bytes of the audio, by format; length 0 if the header does not state it."""
