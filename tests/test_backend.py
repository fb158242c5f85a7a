"""Native libraries start silently, and no other writer to standard error loses any output."""

import ctypes
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline import backend


def test_only_output_of_c_is_silenced_in_any_number_of_threads(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    stream = ctypes.c_void_p.in_dll(libc, "stderr")
    before = stream.value

    def work(number: int) -> None:
        for turn in range(50):
            with backend.quiet_stderr():
                libc.fputs(b"noise\n", stream.value)
                print(f"{number} {turn}", file=sys.stderr)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert stream.value == before
    libc.fputs(b"C is heard again\n", stream.value)
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(["C is heard again", *(f"{n} {turn}" for n in range(16) for turn in range(50))])


def test_output_of_c_is_back_after_an_exception() -> None:
    stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    before = stream.value
    with pytest.raises(KeyError), backend.quiet_stderr():
        raise KeyError
    assert stream.value == before


@pytest.mark.slow
def test_tensorflow_starts_silently_while_others_write(project: Path) -> None:
    code = """
import sys, threading
from pipeline import backend

def write():
    number = 0
    while not done.wait(0.05):
        sys.stderr.write(f"{number}\\n")
        number += 1
    print(number)

done = threading.Event()
writer = threading.Thread(target=write)
writer.start()
assert backend.keras() is backend.keras()
done.set()
writer.join()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stderr.split() == [str(number) for number in range(int(done.stdout))]
