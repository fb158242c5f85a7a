"""Offset and stated length of the audio in a file.

Formats that consist of chunks are searched for the one with the audio: libsndfile's log, which has room for 2,047
characters, often ends before it. Other formats have one header, of which the log tells what matters.
"""

import io
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import soundfile

WINDOW_BYTES = 1 << 16  # read at a time
PATTERN_BYTES = 64  # the longest match of a search
MAX_CHUNKS = 1000  # before the audio, and after it
CUT = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML")  # chunks of metadata that may end with the file
FILES = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff")  # as a chunk: another file


def pread(descriptor: int, count: int, at: int) -> bytes:
    """Return bytes of an open file, as `os.pread` does, which Windows lacks."""
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

    def part(self, start: int = 0, stop: int | None = None, head: bytes = b"") -> "File":
        """Return a part as a file of its own."""
        return File(self._descriptor, self.start + start, None if stop is None else self.start + stop, head)

    def peek(self, at: int, count: int) -> bytes:
        """Return bytes of the file, fewer at its end."""
        if not self._at <= at <= at + count <= self._at + len(self._window):
            self._at, self._window = at, self._read(at, max(count, WINDOW_BYTES))
        return self._window[at - self._at : at - self._at + count]

    def unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        """Return numbers and strings of a layout that `struct` reads; struct.error if the file ends too early."""
        return struct.unpack(layout, self.peek(at, struct.calcsize(layout)))

    def search(self, pattern: bytes, at: int) -> int | None:
        """Return the offset of the first match of a regular expression, or None."""
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
        """Return the position, which libsndfile asks for often; the inherited method would seek."""
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

    def walk(self, file: File, at: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield the name of each chunk from an offset on, the offset of its content and the length of that."""
        step = struct.calcsize(self.header)
        for _ in range(MAX_CHUNKS):
            if at + step > file.size:
                break
            name, length = file.unpack(self.header, at)
            at, length = at + step, length - step * self.inclusive
            yield name[:4], at, length
            at += max(length, 0)
            at += -at % self.align

    def find(self, file: File) -> tuple[int, int]:
        """Return offset and length of the audio; length 0 if it isn't found."""
        found = ((at, length) for name, at, length in self.walk(file, self.start) if name == self.audio)
        return next(found, (file.size, 0))

    def after_metadata(self, file: File, at: int) -> int:
        """Return the end of the chunk of metadata that begins at an offset or after padding; `at` if there is none."""
        for start in range(at, at + self.align):
            name, content, length = next(self.walk(file, start), (b"", 0, 0))
            fits = 0 <= length <= file.size - content + self.align or name in CUT
            if fits and name not in (self.audio, *FILES) and re.fullmatch(rb"[ -~]{4}", name):
                return content + max(length, 0)
        return at

    def completed(self, file: File, at: int, end: int) -> bytes:
        """Return the header of a file as if it stated that the audio lies between two offsets."""
        length = end - at + struct.calcsize(self.header) * self.inclusive
        field = struct.pack(self.header[0] + self.header[-1], min(length, 0xFFFFFFFF) if "I" in self.header else length)
        return file.peek(0, at - len(field)) + field


_RIFF = Chunks("<4sI", 12, b"data")
_RIFX = Chunks(">4sI", 12, b"data")
CHUNKS = {
    "WAV": _RIFF,
    "WAVEX": _RIFF,
    "RF64": _RIFF,
    "W64": Chunks("<4s12xQ", 40, b"data", align=8, inclusive=True),
    "AIFF": Chunks(">4sI", 12, b"SSND"),
    "SVX": Chunks(">4sI", 12, b"BODY"),
    "CAF": Chunks(">4sq", 8, b"data", align=1),
}
"""The formats that consist of chunks, by libsndfile's names."""

FRAMES = r"(?:Frames +:|Cols +:|sample_count\s+-\S+)\s+(\d+)"  # in libsndfile's log, or in the header of NIST
WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "DOUBLE": 8}  # bytes; others: 4


def chunks(file: File, file_format: str) -> Chunks | None:
    """Return the chunks of a file, if its format has some."""
    return _RIFX if file.peek(0, 4) == b"RIFX" else CHUNKS.get(file_format)


def stated(file: File, source: soundfile.SoundFile, position: int) -> tuple[int, int]:
    """Return offset and length in bytes of the audio; length 0 if the header does not state it.

    Parameters
    ----------
    source
        The file as libsndfile has opened it.
    position
        Offset that libsndfile will read next: that of the audio, if a sample has a fixed number of bytes.

    Raises
    ------
    struct.error
        If the file ends within its header.
    """
    if form := chunks(file, source.format):
        at, length = form.find(file)
        if source.format == "RF64" and length == 0xFFFFFFFF:
            (length,) = file.unpack("<Q", 28)  # in the chunk `ds64`, always the first
        return at, length
    log = source.extra_info if source.format != "NIST" else file.peek(0, 1024).decode("latin-1")

    def last(pattern: str) -> int:
        return int([0, *re.findall(pattern, log)][-1])

    length = 0
    match source.format:
        case "AU":
            position, length = file.unpack("<4xII" if file.peek(0, 4) == b"dns." else ">4xII", 0)
        case "AVR" | "MAT4" | "MAT5" | "MPC2K" | "NIST":
            length = last(FRAMES) * source.channels * WIDTHS.get(source.subtype, 4)
        case "SDS":  # packets of 127 bytes
            position, length = 21, -(-source.frames // last(r"Samples/Block +: (\d+)")) * 127
        case "VOC":
            sound = last(r"Sound Data : (\d+)")
            length = sound - 2 if sound else last(r"Extended II : (\d+)") - 12
            rest = file.size - position - length  # the terminator; SoX states 8 bytes too few
            length += rest if 0 <= rest <= 9 else file.peek(position + length, 1) == b"\0"
        case "WVE":
            position, length = 32, *file.unpack(">I", 18)
        case "XI":
            length = last(r"size +: (\d+)")
    return position, length
