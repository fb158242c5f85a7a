"""A task as a worker runs it: only with the versions and files of the run, and within its time limit."""

import logging
import os
import pickle
import platform
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cache import key
from pipeline.console import environment
from pipeline.errors import ClusterError
from pipeline.versions import MISSING, OPTIONAL, installed

# Dask makes its workers return memory to the system at once, and glibc does so in all threads but the first. That
# doubles the time of short tasks on arrays. Here memory of arrays up to 32 MB, glibc's maximum, is not returned.
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}


_admitted: set[str] = set()  # runs whose versions and files this worker process shares


@dataclass(frozen=True)
class Environment:
    """Versions and files of the process that runs a job; its workers need the same."""

    process: tuple[str, int]
    packages: tuple[str, ...]
    versions: Mapping[str, str]
    token: str  # a folder

    @classmethod
    def of_this_process(cls, packages: Sequence[str], token: Path) -> "Environment":
        versions = _versions(packages)
        if lacking := [name for name, version in versions.items() if version == MISSING and name not in OPTIONAL]:
            raise ClusterError(
                f"{', '.join(lacking)} can't be found in {sys.prefix}; run `make setup` and use its environment"
            )
        return cls((platform.node(), os.getpid()), tuple(packages), versions, str(token))

    def require(self) -> None:
        """Raise a ClusterError in a worker that differs."""
        from distributed import get_worker

        who, found = f"the Dask worker {get_worker().address}", _versions(self.packages)
        for name, version in self.versions.items():
            if found[name] != version:
                raise ClusterError(f"{who} has {name} {found[name]}, not {version}; start it in the same environment")
        if not Path(self.token).is_dir():
            folder = Path(self.token).parent
            raise ClusterError(f"{who} does not see the files in {folder}; use a file system that all share")


def _versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions that results depend on: of Python, packages, and the code of this package."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **installed(packages), "code of this package": key({}, code=[""])[:12]}


def call(payload: bytes, packed: bytes, seconds: int, compile_s: int) -> Any:
    """Run a task in a worker.

    Parameters
    ----------
    payload, packed
        Pickled: a function and the `Environment` that it needs; a part, the positions to leave out, and ``keep``.
    seconds, compile_s
        The time limit, and what the first task of a worker may take in addition.
    """
    function, expected = pickle.loads(payload)  # noqa: S301 what the run pickled
    if expected.token not in _admitted:
        expected.require()
        _admitted.add(expected.token)
        _prepare()
        seconds += compile_s
    items, left_out, keep = pickle.loads(packed)  # noqa: S301 what the run pickled
    if expected.process == (platform.node(), os.getpid()):  # a thread of the program itself
        return function(items, left_out=left_out, keep=keep)
    with _limited(seconds):
        return function(items, left_out=left_out, keep=keep)


def _prepare() -> None:
    """Prepare a worker process for its tasks."""
    from threadpoolctl import threadpool_limits

    environment.settle()
    threadpool_limits(1)  # workers already run in parallel; threads of a BLAS would change the last bits
    if any(os.environ.get(name) != value for name, value in KEEP_MEMORY.items()):
        logging.getLogger("distributed.worker").warning(
            "this worker returns memory at once, which can double its time; see By hand in docs/cluster.md"
        )


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """End this process if the block takes longer: Dask then treats it as any other worker that is lost.

    Seconds are counted, not read from a clock: a process that is stopped (Ctrl-Z) and continued has not exceeded them.
    """
    ended = threading.Event()

    def watch() -> None:
        for _ in range(seconds):
            if ended.wait(1):
                return
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
