"""Offset and stated length of the audio in a file, read from its header, by libsndfile's name of the format."""

import io
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WINDOW_BYTES = 1 << 16  # read at a time
PATTERN_BYTES = 64  # the longest match of a search
MAX_CHUNKS = 1000  # before the audio, and after it
CUT = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML")  # chunks of metadata that may end with the file
FILES = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff")  # as a chunk: another file
HEADER_BYTES = 1 << 20  # the longest header whose length is corrected


def pread(descriptor: int, count: int, at: int) -> bytes:
    """Bytes of an open file, as `os.pread` reads them, which Windows lacks."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, at)
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, at, os.SEEK_SET)
    content = os.read(descriptor, count)
    os.lseek(descriptor, position, os.SEEK_SET)
    return content


class File(io.RawIOBase):
    """Random access to a part of an open file, whose own position does not change. Offset 0 is `start`.

    As a file object, libsndfile can read it. `head` stands in place of its first bytes.
    """

    def __init__(self, descriptor: int, start: int = 0, stop: int | None = None, head: bytes = b"") -> None:
        self.start = start
        self.size = (os.fstat(descriptor).st_size if stop is None else stop) - start
        self._descriptor, self._head, self._position = descriptor, head, 0
        self._at, self._window = 0, b""

    def peek(self, at: int, count: int) -> bytes:
        """Bytes of the file, fewer at its end."""
        if not self._at <= at <= at + count <= self._at + len(self._window):
            self._at, self._window = at, self._read(at, max(count, WINDOW_BYTES))
        return self._window[at - self._at : at - self._at + count]

    def unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        """Numbers and strings of a layout that `struct` reads; struct.error if the file ends too early."""
        return struct.unpack(layout, self.peek(at, struct.calcsize(layout)))

    def search(self, pattern: bytes, at: int) -> int | None:
        """Offset of the first match of a regular expression."""
        for start in range(at, self.size, WINDOW_BYTES - PATTERN_BYTES):
            if found := re.search(pattern, self.peek(start, WINDOW_BYTES), re.DOTALL):
                return start + found.start()
        return None

    def readinto(self, buffer: Any) -> int:
        """Read from the position on."""
        content = self._read(self._position, len(buffer))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        self._position = max(offset + (0, self._position, self.size)[whence], 0)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def _read(self, at: int, count: int) -> bytes:
        content = pread(self._descriptor, max(min(count, self.size - at), 0), self.start + at)
        return self._head[at : at + count] + content[max(len(self._head) - at, 0) :]


@dataclass(frozen=True)
class Chunks:
    """How a format divides its files into chunks.

    Attributes
    ----------
    header
        Name and length of a chunk, as `struct` reads them.
    start
        Offset of the first chunk.
    audio
        Name of the chunk with the audio.
    align
        Chunks begin at multiples of it.
    inclusive
        The length counts the header.
    """

    header: str
    start: int
    audio: bytes
    align: int = 2
    inclusive: bool = False

    def read(self, file: File, at: int) -> tuple[bytes, int, int]:
        """Name of the chunk at an offset; offset and length of its content."""
        name, length = file.unpack(self.header, at)
        step = struct.calcsize(self.header)
        return name, at + step, length - step * self.inclusive

    def find(self, file: File, wanted: bytes) -> tuple[int, int]:
        """Offset and length of a chunk's content; length 0 if it isn't found."""
        at = self.start
        for _ in range(MAX_CHUNKS):
            if at + struct.calcsize(self.header) > file.size:
                break
            name, at, length = self.read(file, at)
            if name == wanted:
                return at, length
            at += max(length, 0)
            at += -at % self.align
        return at, 0

    def metadata(self, file: File, at: int) -> int | None:
        """The end of the chunk of metadata that begins at an offset, or after padding; None if there is none."""
        for start in range(at, min(at + self.align, file.size - struct.calcsize(self.header) + 1)):
            name, content, length = self.read(file, start)
            fits = 0 <= length <= file.size - content + self.align or name[:4] in CUT
            if fits and name not in (self.audio, *FILES) and re.fullmatch(rb"[ -~]{4}", name[:4]):
                return content + max(length, 0)
        return None

    def completed(self, file: File, at: int) -> bytes:
        """The header of a file whose audio begins at an offset, as if it stated the audio up to the end of the file."""
        length = file.size - at + struct.calcsize(self.header) * self.inclusive
        field = struct.pack(self.header[0] + self.header[-1], min(length, 0xFFFFFFFF) if "I" in self.header else length)
        return file.peek(0, at - len(field)) + field


_RIFF = Chunks("<4sI", 12, b"data")
CHUNKS = {
    "WAV": _RIFF,
    "WAVEX": _RIFF,
    "RF64": _RIFF,
    "W64": Chunks("<4s12xQ", 40, b"data", align=8, inclusive=True),
    "AIFF": Chunks(">4sI", 12, b"SSND"),
    "SVX": Chunks(">4sI", 12, b"BODY"),
    "CAF": Chunks(">4sq", 8, b"data", align=1),
}
"""The formats that consist of chunks."""


def chunks(file: File, file_format: str) -> Chunks | None:
    """The chunks of a file, if its format has some."""
    return Chunks(">4sI", 12, b"data") if file.peek(0, 4) == b"RIFX" else CHUNKS.get(file_format)


def stated(file: File, file_format: str) -> tuple[int, int]:
    """Offset and length in bytes of the audio; length 0 if the header does not state it.

    Raises
    ------
    struct.error, OverflowError
        If the file ends within its header.
    """
    if form := chunks(file, file_format):
        at, length = form.find(file, form.audio)
        if file_format == "RF64" and length == 0xFFFFFFFF:
            sizes, found = form.find(file, b"ds64")
            length = file.unpack("<Q", sizes + 8)[0] if found else length
        return at, length
    return FORMATS[file_format](file) if file_format in FORMATS else (0, 0)


def _au(file: File) -> tuple[int, int]:
    at, length = file.unpack("<4xII" if file.peek(0, 4) == b"dns." else ">4xII", 0)
    return at, length


def _nist(file: File) -> tuple[int, int]:
    header = file.peek(0, 1024)

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
            at += 4
            rest = file.size - at - length  # the terminator; SoX states 8 bytes too few
            return at, length + (rest if 0 <= rest <= 9 else file.peek(at + length, 1) == b"\0") if kind else 0
        at += 4 + length
    return at, 0


def _avr(file: File) -> tuple[int, int]:
    stereo, bits, frames = file.unpack(">HH10xI", 12)
    return 128, frames * (bits // 8) * (1 + (stereo & 1))


def _mat4(file: File) -> tuple[int, int]:
    """The second of two matrices holds the audio; the first is the sample rate."""
    order = "<" if file.peek(0, 4) == bytes(4) else ">"
    at = length = 0
    for _ in range(2):
        kind, rows, columns, _, name = file.unpack(order + "5I", at + length)
        at += length + 20 + name
        length = rows * columns * (8, 4, 4, 2, 2, 1)[min(kind // 10 % 10, 5)]
    return at, length


def _mat5(file: File) -> tuple[int, int]:
    """As _mat4. The stated size of a matrix may be wrong; the size of the numbers in it is right."""
    order = "<" if file.peek(126, 2) == b"IM" else ">"

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
"""The formats with one header that state their length."""
