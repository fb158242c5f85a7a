"""A task as a Dask worker runs it: only with the versions and files of the run, and within its time limit."""

import hashlib
import logging
import os
import pickle
import platform
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from pipeline import files
from pipeline.cluster.job import Item, Result
from pipeline.cluster.template import KEEP_MEMORY
from pipeline.errors import ClusterError
from pipeline.versions import MISSING, OPTIONAL, installed

TICK_S = 1  # the unit of time limits

_admitted: set[tuple[str, str]] = set()  # runs whose versions and files a worker of this process shares


def portable(
    function: Callable[..., Any],
    packages: Sequence[str],
    run: str,
    token: Path,
    versions: Mapping[str, str],
    first_ticks: int = 0,
) -> Callable[..., Any]:
    """A task that any Python with Dask can load, so that a worker without this package can report it."""
    payload, text = pickle.dumps(function), str(token)

    def task(items: bytes, ticks: int) -> tuple[str, Any]:  # a nested function is sent as code
        import pickle
        from pathlib import Path

        from distributed import get_worker

        address = get_worker().address
        who = f"the Dask worker {address}"
        try:
            from pipeline.cluster import task as here  # noqa: PLW0406 the worker's
            from pipeline.console import environment
        except ImportError as error:
            return "refused", f"{who} can't import this package ({error}); start it in the same environment as this"
        if (run, address) not in here._admitted:
            found = here.versions(packages)
            for name, mine in versions.items():
                if (theirs := found.get(name)) != mine:
                    return "refused", f"{who} has {name} {theirs}, not {mine}; start it in the same environment"
            if not Path(text).is_dir():
                folder = Path(text).parent
                return "refused", f"{who} does not see the files in {folder}; use a file system that all share"
            here._admitted.add((run, address))
            environment.settle()
            here.warn_of_memory()
            ticks += first_ticks
        try:
            loaded, arguments = pickle.loads(payload), pickle.loads(items)  # noqa: S301 what this process pickled
        except ImportError as error:
            return "refused", f"{who} lacks a package ({error}); start it in the same environment as this"
        ended, result = here.attend(loaded, arguments, ticks)
        return ("done", result) if ended else ("hung", address)

    return task


def warn_of_memory() -> None:
    """Log it if this worker process was started without the settings that keep memory."""
    if any(os.environ.get(name) != value for name, value in KEEP_MEMORY.items()):
        logging.getLogger("distributed.worker").warning(
            "this worker returns memory at once, which can double its time; see By hand in docs/cluster.md"
        )


def attend(function: Callable[[Item], Result], argument: Item, ticks: int) -> tuple[bool, Result | None]:
    """Call a function in a thread; if it does not end within some ticks, abandon the thread.

    Returns
    -------
    ended, result
        An exception of the function is raised here.
    """
    call: Future[Result] = Future()

    def run() -> None:
        # The workers already run in parallel; threads of a BLAS would slow them and change the last bits. The limit is
        # never lifted: an abandoned thread would lift it in the middle of another task.
        threadpool_limits(1)
        try:
            call.set_result(function(argument))
        except BaseException as error:
            call.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    for _ in range(ticks):
        thread.join(TICK_S)
        if call.done():
            return True, call.result()
    return False, None


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions that results depend on: Python, packages and this package's code."""
    package = Path(__file__).parents[1]
    code = b"".join(path.read_bytes() for path in sorted(package.rglob("*.py")))
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **installed(packages),
        "the code of this package with digest": hashlib.sha256(code).hexdigest()[:12],
    }


@contextmanager
def admission(folder: Path, packages: Sequence[str]) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Yield what a worker checks before its first task: the run, a folder that it must see, and versions."""
    mine = versions(packages)
    if lacking := [name for name, version in mine.items() if version == MISSING and name not in OPTIONAL]:
        raise ClusterError(
            f"{', '.join(lacking)} can't be found in {sys.prefix}; run `make setup` and use its environment"
        )
    with files.scratch(folder.resolve()) as token:
        yield token.name, token, mine
