"""Keep native libraries quiet: they write to standard output and error directly, before any log level is set."""

import ctypes
import functools
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

_lock = threading.Lock()


class Output(io.FileIO):
    """The standard output of a program; the class remembers the error of a failed write."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write to the file."""
        try:
            return super().write(data)
        except OSError as error:
            Output.failure = error
            raise


def redirect() -> None:
    """Keep standard output and error of a program for Python, and make any character printable in any encoding.

    File descriptors 1 and 2 lead to the null device from here on, also in the workers that this process starts.
    """
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:  # otherwise other files would get those of closed streams
        pass
    output = Output(os.dup(1), "w")
    sys.stdout = _writer(io.BufferedWriter(output), sys.stdout, output.isatty())
    sys.stderr = _writer(os.fdopen(os.dup(2), "wb"), sys.stderr, by_line=True)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


def _writer(file: BinaryIO, like: TextIO | None, by_line: bool) -> TextIO:
    encoding = like.encoding if like else "utf-8"
    return io.TextIOWrapper(file, encoding, errors="backslashreplace", line_buffering=by_line)


@contextmanager
def stderr() -> Iterator[None]:
    """Point C's variable `stderr` at the null device, for one thread at a time.

    This is for the library, which runs in somebody else's process: file descriptor 2 and Python's sys.stderr are not
    touched, so no other thread loses a traceback.
    """
    try:
        stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    except (ValueError, TypeError):  # another name for it, or Windows: the messages are shown
        yield
        return
    with _lock:
        original, stream.value = stream.value, _null_stream()
        try:
            yield
        finally:
            stream.value = original


@functools.cache
def _null_stream() -> int:
    """Return a C stream to the null device. It is never closed, because another thread may be writing to it."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    return int(libc.fopen(os.devnull.encode(), b"w"))
