"""Formats that libsndfile can't read: AAC, M4A, WMA, AMR and the sound of videos, decoded by FFmpeg through PyAV.

A damaged file may crash FFmpeg. So it runs in a process of its own, `foreign_decoder`. The format is chosen by the
first bytes, never guessed by FFmpeg, so that none of its playlists or protocols is ever opened.
"""

import importlib.util
import multiprocessing
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio import foreign_decoder
from pipeline.audio.headers import CHUNKS, File, pread
from pipeline.audio.lengths import is_known
from pipeline.audio.samples import Block, Decoded
from pipeline.errors import AudioError

HEAD_BYTES = 16
FIRST_CHUNK = 12  # offset in a RIFF
ANSWER_S = 60  # longest wait for the next block
INSTALL = "install PyAV (pip install av), or convert {} to WAV or FLAC"


@dataclass(frozen=True)
class Kind:
    """A format by its first bytes."""

    name: str
    offset: int
    magic: bytes
    demuxer: str  # FFmpeg's name
    next: bytes = b""  # regular expression of the beginning of a joined file, if FFmpeg stops at it
    audio: bytes = b""  # type of the list with the audio, in the chunks of a RIFF


KINDS = (
    Kind("MP4", 4, b"ftyp", "mov", rb"\0\0\0.ftyp"),
    Kind("WMA", 0, bytes.fromhex("3026b2758e66cf11"), "asf"),
    Kind("AMR", 0, b"#!AMR", "amr"),
    Kind("AAC", 0, b"\xff\xf1", "aac"),
    Kind("AAC", 0, b"\xff\xf9", "aac"),
    Kind("Matroska", 0, b"\x1aE\xdf\xa3", "matroska"),
    Kind("AVI", 8, b"AVI ", "avi", audio=b"movi"),
    Kind("FLV", 0, b"FLV\x01", "flv", rb"FLV\x01.\0\0\0\t"),
    Kind("MPEG", 0, b"\x00\x00\x01\xba", "mpeg"),
)


def recognise(descriptor: int) -> Kind | None:
    """Return the format of an open file, or None if it is not among `KINDS`."""
    head = pread(descriptor, HEAD_BYTES, 0)
    return next((kind for kind in KINDS if head[kind.offset :].startswith(kind.magic)), None)


def is_installed() -> bool:
    """Return whether PyAV can be used: on Windows, a process can't inherit a socket by its descriptor."""
    return hasattr(os, "pread") and importlib.util.find_spec("av") is not None


def waiting(details: Iterable[str]) -> list[str]:
    """Return a line with the number of rejected files that need PyAV, by their details; empty if there are none."""
    number = sum(detail.endswith(INSTALL.format("it")) for detail in details)
    needs = "1 file needs" if number == 1 else f"{number:,} files need"
    return [f"{needs} PyAV, which is not installed: {INSTALL.format('them')}"] if number else []


class Decoder:
    """A process that decodes one file after the other.

    It starts with the first file, and is replaced after a crash and after a file that was not read to its end. It ends
    as soon as neither this object nor the blocks of a file are referenced.
    """

    def __init__(self) -> None:
        self._end: Callable[[], object] = lambda: None
        self._idle = False

    def decode(self, path: Path, kind: Kind, descriptor: int) -> Decoded:
        """Decode the first sound of a file of such a format, which is open.

        Raises
        ------
        AudioError
            ``unreadable``, ``truncated`` or ``longer``; the blocks also raise ``unreadable`` and ``truncated``.
        """
        if not is_installed():
            detail = f"is {kind.name}, which libsndfile does not read; {INSTALL.format('it')}"
            raise AudioError("unreadable", detail, path)
        file = File(descriptor)
        for _, at, length in CHUNKS["WAV"].walk(file, FIRST_CHUNK) if kind.audio else ():
            if file.peek(at, 4) == kind.audio and is_known(length) and at + length > file.size:
                raise AudioError("truncated", f"holds {file.size} of {at + length} bytes; copy it again", path)
        if kind.next and file.search(kind.next, HEAD_BYTES) is not None:
            raise AudioError("longer", "joins several files, of which only the first can be read; split it", path)
        if not self._idle or self._process.poll() is not None:
            self._restart()
        connection = self._connection
        with suppress(OSError):  # if the process has died, there will be no answer
            connection.send((os.fsencode(path.absolute()), kind.demuxer))
        header = self._answer(connection, path)
        blocks = self._blocks(connection, path, header["channels"])
        return Decoded(header["sample_rate"], header["channels"], f"{kind.name}/{header['codec']}", blocks)

    def _restart(self) -> None:
        self._end()
        self._connection, other = multiprocessing.Pipe()
        command = [sys.executable, "-P", foreign_decoder.__file__, str(other.fileno())]
        silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)  # FFmpeg prints
        with other:
            self._process = subprocess.Popen(command, pass_fds=[other.fileno()], **silent)
        self._end = weakref.finalize(self, _end, self._process, self._connection)

    def _blocks(self, connection: "Connection[Any, Any]", path: Path, channels: int) -> Iterator[Block]:
        while (content := self._answer(connection, path)) is not None:
            yield np.frombuffer(content, np.float32).reshape(-1, channels).copy()

    def _answer(self, connection: "Connection[Any, Any]", path: Path) -> Any:
        try:
            if not connection.poll(ANSWER_S):
                raise TimeoutError
            answer = connection.recv()
        except (EOFError, OSError) as error:
            self._end()
            raise AudioError("unreadable", "crashes or stops its decoder; convert it to WAV or FLAC", path) from error
        self._idle = answer is None or isinstance(answer, tuple)
        if isinstance(answer, tuple):
            reason, detail = answer
            raise AudioError(reason, detail, path)
        return answer


def _end(process: subprocess.Popen[bytes], connection: "Connection[Any, Any]") -> None:
    connection.close()
    process.kill()
    process.wait()
