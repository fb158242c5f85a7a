"""What the tests have Dask workers do; they import it by this name."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path


def square(items: Sequence[int]) -> list[int]:
    return [item * item for item in items]


def slowly(items: Sequence[int]) -> list[int]:
    time.sleep(0.5)
    return square(items)


def die_once(items: Sequence[int], marks: Path) -> list[int]:
    """Kill the worker, the first time that each batch is tried."""
    mark = marks / f"tried-{items[0]}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items)


def die_of_seven(items: Sequence[int]) -> list[int]:
    """Kill the worker whenever 7 is among the items."""
    if 7 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items)


def fail(items: Sequence[int]) -> list[int]:
    raise OSError(28, "No space left on device")
