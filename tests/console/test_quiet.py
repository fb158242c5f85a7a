"""Native libraries are silent, and no other writer to standard error loses any output."""

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pipeline.console import quiet


def test_only_output_of_c_is_silenced_in_any_number_of_threads(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    stream = ctypes.c_void_p.in_dll(libc, "stderr")
    before = stream.value

    def work(number: int) -> None:
        for turn in range(50):
            with suppress(KeyError), quiet.stderr():
                libc.fputs(b"noise\n", stream.value)
                print(f"{number} {turn}", file=sys.stderr)
                raise KeyError  # nor does an exception keep C silent

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert stream.value == before
    libc.fputs(b"C is heard again\n", stream.value)
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(["C is heard again", *(f"{n} {turn}" for n in range(16) for turn in range(50))])
