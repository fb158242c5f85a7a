"""Functions that the tests run on Dask workers, which import them by name."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 with its BLAS
from threadpoolctl import threadpool_info

from pipeline.cluster import Job

_begun: list[bool] = []


def job(function: Callable[..., Any], seconds: Callable[[int], float] = lambda _: 0.0) -> Job[int, list[int]]:
    """A job on numbers."""
    return Job("test", "numbers", code=(), packages=("numpy", "soxr"), function=function, label=str, seconds=seconds)


def square(items: Sequence[int], *, left_out: frozenset[int], keep: bool) -> list[int]:
    return [-1 if position in left_out else item * item for position, item in enumerate(items)]


def slowly(items: Sequence[int], **options: Any) -> list[int]:
    time.sleep(0.5)
    return square(items, **options)


def first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def dawdle(items: Sequence[int], mark: Path, **options: Any) -> list[int]:
    mark.touch()
    return slowly(items, **options)


def die_once(items: Sequence[int], marks: Path, **options: Any) -> list[int]:
    """Kill the worker the first time that each part is tried."""
    if first_time(marks / f"tried-{items[0]}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items, **options)


def die_soon(items: Sequence[int], marks: Path, **options: Any) -> list[int]:
    """Kill the worker some milliseconds after each part has been tried for the first time."""
    if first_time(marks / f"tried-{items[0]}"):
        threading.Timer(items[0] / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return square(items, **options)


def die_of_seven(items: Sequence[int], *, left_out: frozenset[int], keep: bool) -> list[int]:
    """Kill the worker whenever 7 is among the items."""
    if any(item == 7 and position not in left_out for position, item in enumerate(items)):
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items, left_out=left_out, keep=keep)


def die_of_many(items: Sequence[int], **options: Any) -> list[int]:
    """Kill the worker unless there is a single item."""
    if len(items) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items, **options)


def hang_of_seven(items: Sequence[int], fifo: Path, *, left_out: frozenset[int], keep: bool) -> list[int]:
    """Wait forever whenever 7 is among the items, like a decoder that opens a pipe."""
    if any(item == 7 and position not in left_out for position, item in enumerate(items)):
        fifo.open()
    return square(items, left_out=left_out, keep=keep)


def hang_once(items: Sequence[int], mark: Path, **options: Any) -> list[int]:
    if first_time(mark):
        threading.Event().wait()
    return square(items, **options)


def stop_once(items: Sequence[int], mark: Path, **options: Any) -> list[int]:
    """Stop the worker the first time; it does not continue by itself."""
    if first_time(mark):
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    return square(items, **options)


def wait_first(items: Sequence[int], **options: Any) -> list[int]:
    """Take 3 s in the first task of a worker, as a compiler does."""
    if not _begun:
        _begun.append(True)
        time.sleep(3)
    return square(items, **options)


def process(items: Sequence[int], **_: Any) -> list[int]:
    return [os.getpid() for _ in items]


def blas_threads(items: Sequence[int], **_: Any) -> list[int]:
    """The maximum number of threads that a BLAS uses here."""
    return [max(int(pool["num_threads"]) for pool in threadpool_info()) for _ in items]


def fail(items: Sequence[int], **_: Any) -> list[int]:
    raise OSError(28, "No space left on device")


class FreezesOnce:
    """A number that freezes the worker that holds it, the first time that the result is fetched."""

    def __init__(self, number: int, mark: Path) -> None:
        self.number, self.mark = number, mark

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        if first_time(self.mark):
            os.kill(os.getpid(), signal.SIGSTOP)
        return int, (self.number,)


def hold_frozen(items: Sequence[int], mark: Path, **_: Any) -> list[Any]:
    return [FreezesOnce(item * item, mark) if item == 3 else item * item for item in items]
