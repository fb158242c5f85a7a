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


def slowly(items: Sequence[int], *, seconds: float = 0.5, **options: Any) -> list[int]:
    time.sleep(seconds)
    return square(items, **options)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_soon() -> None:
    threading.Timer(0.01, die).start()


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)  # until somebody continues it


def hang() -> None:
    threading.Event().wait()


def first_time(mark: Path) -> bool:
    """Tell if nobody has left this mark; leave it, with the id of this process."""
    try:
        with mark.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def once(items: Sequence[int], marks: Path, harm: Callable[[], None], **options: Any) -> list[int]:
    """Harm the worker the first time that each part is tried."""
    if first_time(marks / str(items[0])):
        harm()
    return square(items, **options)


def with_seven(items: Sequence[int], harm: Callable[[], None], *, left_out: frozenset[int], keep: bool) -> list[int]:
    """Harm the worker whenever 7 is among the items."""
    if any(item == 7 and position not in left_out for position, item in enumerate(items)):
        harm()
    return square(items, left_out=left_out, keep=keep)


def die_of_many(items: Sequence[int], **options: Any) -> list[int]:
    """Kill the worker unless there is a single item."""
    if len(items) > 1:
        die()
    return square(items, **options)


def wait_first(items: Sequence[int], **options: Any) -> list[int]:
    """Take 3 s in the first task of a worker, as a compiler does."""
    seconds = 0 if _begun else 3
    _begun.append(True)
    return slowly(items, seconds=seconds, **options)


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
            stop()
        return int, (self.number,)


def hold_frozen(items: Sequence[int], mark: Path, **_: Any) -> list[Any]:
    return [FreezesOnce(item * item, mark) if item == 3 else item * item for item in items]
