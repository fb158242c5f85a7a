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

from pipeline.cluster.job import Cause, Job

FAILED: dict[Cause, int] = {"killed": -1, "hung": -2}


_begun: list[bool] = []


def job(function: Callable[..., list[int]], allowance_s: Callable[[int], float] = lambda _: 0.0) -> Job[int, int]:
    """A job on numbers."""
    return Job(
        name="test",
        unit="numbers",
        code=(),
        packages=("numpy", "soxr"),
        function=function,
        batches=lambda numbers: [numbers],
        placeholder=lambda _, cause: FAILED[cause],
        allowance_s=allowance_s,
    )


def square(items: Sequence[int]) -> list[int]:
    return [item * item for item in items]


def slowly(items: Sequence[int]) -> list[int]:
    time.sleep(0.5)
    return square(items)


def first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def dawdle(items: Sequence[int], mark: Path) -> list[int]:
    mark.touch()
    return slowly(items)


def die_once(items: Sequence[int], marks: Path) -> list[int]:
    """Kill the worker the first time that each batch is tried."""
    if first_time(marks / f"tried-{items[0]}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items)


def die_soon(items: Sequence[int], marks: Path) -> list[int]:
    """Kill the worker some milliseconds after each batch has been tried for the first time."""
    if first_time(marks / f"tried-{items[0]}"):
        threading.Timer(items[0] / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return square(items)


def die_of_seven(items: Sequence[int]) -> list[int]:
    """Kill the worker whenever 7 is among the items."""
    if 7 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(items)


def hang_of_seven(items: Sequence[int], fifo: Path) -> list[int]:
    """Wait forever whenever 7 is among the items, like a decoder that opens a pipe."""
    if 7 in items:
        fifo.open()
    return square(items)


def hang_once(items: Sequence[int], mark: Path) -> list[int]:
    if first_time(mark):
        threading.Event().wait()
    return square(items)


def stop_once(items: Sequence[int], mark: Path) -> list[int]:
    """Stop the worker the first time; it does not continue by itself."""
    if first_time(mark):
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    return square(items)


def wait_first(items: Sequence[int]) -> list[int]:
    """Take 3 s in the first task of a worker, as a compiler does."""
    if not _begun:
        _begun.append(True)
        time.sleep(3)
    return square(items)


def process(items: Sequence[int]) -> list[int]:
    return [os.getpid() for _ in items]


def blas_threads(items: Sequence[int]) -> list[int]:
    """The maximum number of threads that a BLAS uses here."""
    return [max(int(pool["num_threads"]) for pool in threadpool_info()) for _ in items]


def fail(items: Sequence[int]) -> list[int]:
    raise OSError(28, "No space left on device")


class FreezesOnce:
    """A number that freezes the worker that holds it, the first time that the result is fetched."""

    def __init__(self, number: int, mark: Path) -> None:
        self.number, self.mark = number, mark

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        if first_time(self.mark):
            os.kill(os.getpid(), signal.SIGSTOP)
        return int, (self.number,)


def hold_frozen(items: Sequence[int], mark: Path) -> list[Any]:
    return [FreezesOnce(item * item, mark) if item == 3 else item * item for item in items]
