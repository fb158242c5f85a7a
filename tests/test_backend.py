"""TensorFlow starts silently, and no other writer to standard error loses any output."""

import subprocess
import sys
from pathlib import Path

import pytest


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
