"""Formats that libsndfile can't read: AAC, M4A, WMA, AMR and the sound of videos, decoded by FFmpeg through PyAV.

A damaged file may crash FFmpeg. So it runs in a process of its own, `foreign_decoder`, which serves one file after the
other and is replaced when it dies. The format is chosen by the first bytes, never guessed by FFmpeg, so that none of
its playlists or protocols is ever opened.
"""

import importlib.util
import json
import os
import select
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import foreign_decoder
from pipeline.audio.decoded import Decoded
from pipeline.audio.headers import File, pread
from pipeline.errors import AudioError

HEAD_BYTES = 16
ANSWER_S = 60  # the longest wait for the next block
INSTALL = "install PyAV (pip install av), or convert {} to WAV or FLAC"


@dataclass(frozen=True)
class Kind:
    """A format by its first bytes."""

    name: str
    offset: int
    magic: bytes
    demuxer: str  # FFmpeg's name
    next: bytes = b""  # regular expression of the beginning of a joined file, if FFmpeg stops there


KINDS = (
    Kind("MP4", 4, b"ftyp", "mov", rb"\0\0\0.ftyp"),
    Kind("WMA", 0, bytes.fromhex("3026b2758e66cf11"), "asf"),
    Kind("AMR", 0, b"#!AMR", "amr"),
    Kind("AAC", 0, b"\xff\xf1", "aac"),
    Kind("AAC", 0, b"\xff\xf9", "aac"),
    Kind("Matroska", 0, b"\x1aE\xdf\xa3", "matroska"),
    Kind("AVI", 8, b"AVI ", "avi"),
    Kind("FLV", 0, b"FLV\x01", "flv", rb"FLV\x01.\0\0\0\t"),
    Kind("MPEG", 0, b"\x00\x00\x01\xba", "mpeg"),
)


def recognise(descriptor: int) -> Kind | None:
    """The format of an open file, if it is one of those here."""
    head = pread(descriptor, HEAD_BYTES, 0)
    return next((kind for kind in KINDS if head[kind.offset :].startswith(kind.magic)), None)


def is_installed() -> bool:
    """Tell if PyAV is installed, on a system where its process can be given an open file: not on Windows."""
    return hasattr(os, "pread") and importlib.util.find_spec("av") is not None


def waiting(details: Iterable[str]) -> list[str]:
    """The line that says how many files were rejected because PyAV is not installed, if any were.

    Parameters
    ----------
    details
        Details of the rejected files.
    """
    number = sum(detail.endswith(INSTALL.format("it")) for detail in details)
    needs = "1 file needs" if number == 1 else f"{number:,} files need"
    return [f"{needs} PyAV, which is not installed: {INSTALL.format('them')}"] if number else []


def decode(path: Path, kind: Kind, descriptor: int) -> Decoded:
    """Decode the first sound of a file of such a format, which is open.

    Raises
    ------
    AudioError
        ``unreadable`` or ``longer``; the blocks also raise ``unreadable`` and ``truncated``.
    """
    if not is_installed():
        detail = f"is {kind.name}, which libsndfile does not read; {INSTALL.format('it')}"
        raise AudioError("unreadable", detail, path)
    if kind.next and File(descriptor).search(kind.next, HEAD_BYTES) is not None:
        raise AudioError("longer", "joins several files, of which only the first can be read; split it", path)
    decoder = _Decoder.free()
    header = decoder.begin(path, kind)
    blocks = _blocks(decoder, path, header["channels"])
    return Decoded(header["sample_rate"], header["channels"], f"{kind.name}/{header['codec']}", blocks)


def _blocks(decoder: "_Decoder", path: Path, channels: int) -> Iterator[NDArray[np.float32]]:
    with decoder:
        while content := decoder.next(path):
            yield np.frombuffer(content, np.float32).reshape(-1, channels).copy()


class _Decoder:
    """A process that decodes; as a context manager, it ends unless the file was read to its end.

    It also ends when its standard input is closed, as with this process.
    """

    idle: ClassVar[list["_Decoder"]] = []  # those that have finished their files: as many as have worked at a time

    def __init__(self) -> None:
        self._at_end = True
        self._process = subprocess.Popen(
            [sys.executable, "-m", foreign_decoder.__name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip

    @classmethod
    def free(cls) -> "_Decoder":
        """One that is idle and has not died, or a new one."""
        while True:
            try:
                decoder = cls.idle.pop()
            except IndexError:
                return cls()
            if decoder._process.poll() is None:
                return decoder
            decoder._end()

    def begin(self, path: Path, kind: Kind) -> dict[str, Any]:
        """Ask for a file; its sample rate, channels and codec."""
        self._at_end = False
        request = json.dumps([os.fsencode(path.absolute()).hex(), kind.demuxer]).encode()
        try:
            pipe = cast(IO[bytes], self._process.stdin)
            pipe.write(struct.pack("<I", len(request)) + request)
            pipe.flush()
        except OSError as error:
            raise self._died(path) from error
        answer: dict[str, Any] = json.loads(self._message(path))
        if "error" in answer:
            self._finished()
            raise AudioError(answer["reason"], answer["error"], path)
        return answer

    def next(self, path: Path) -> bytes:
        """The next block, empty at the end of the file."""
        content = self._message(path)
        if not content:
            answer = json.loads(self._message(path))
            self._finished()
            if "error" in answer:
                raise AudioError(answer["reason"], answer["error"], path)
        return content

    def _finished(self) -> None:
        self._at_end = True
        self.idle.append(self)

    def __enter__(self) -> "_Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._at_end:
            self._end()

    def _message(self, path: Path) -> bytes:
        (size,) = struct.unpack("<I", self._read(4, path))
        return self._read(size, path)

    def _read(self, size: int, path: Path) -> bytes:
        descriptor, content = cast(IO[bytes], self._process.stdout).fileno(), bytearray()
        while len(content) < size:
            ready, _, _ = select.select([descriptor], [], [], ANSWER_S)
            part = os.read(descriptor, min(size - len(content), 1 << 20)) if ready else b""
            if not part:
                raise self._died(path)
            content += part
        return bytes(content)

    def _died(self, path: Path) -> AudioError:
        self._end()
        return AudioError("unreadable", "crashes or stops its decoder; convert it to WAV or FLAC", path)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            cast(IO[bytes], pipe).close()
