"""A task as a Dask worker runs it: if its versions and files are those of the run, and no longer than it may take."""

import hashlib
import importlib.metadata
import pickle
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from pipeline import files
from pipeline.errors import ClusterError

Item = TypeVar("Item")
Result = TypeVar("Result")

PACKAGES = (
    "librosa",
    "numcodecs",
    "numpy",
    "scipy",
    "soundfile",
    "sox",
    "soxr",
    "zarr",
    "zarrs",
)  # decide the bytes of results
TICK = 1  # s in which LIMIT is counted
MISSING = "none"  # version of a package that is not installed

_welcome: set[str] = set()  # runs whose versions and files this process, a worker, has found to be its own


def portable(function: Callable[..., Any], run: str, token: Path, versions: dict[str, str]) -> Callable[..., Any]:
    """A task that any Python with Dask can load, so that a worker without this package can say so."""
    payload, text = pickle.dumps(function), str(token)

    def task(items: bytes, ticks: int) -> tuple[str, Any]:  # a function inside of a function is sent as code
        import pickle
        from pathlib import Path

        from distributed import get_worker

        address = get_worker().address
        who = f"the Dask worker {address}"
        try:
            from pipeline.cluster import task as here  # noqa: PLW0406 the worker's
        except ImportError as error:
            return "refused", f"{who} can't import this package ({error}); start it in the same environment as this"
        if run not in here._welcome:
            for name, mine in versions.items():
                if (theirs := here.versions().get(name)) != mine:
                    return "refused", f"{who} has {name} {theirs}, this has {mine}; start it in the same environment"
            if not Path(text).is_dir():
                folder = Path(text).parent
                return "refused", f"{who} does not see the files in {folder}; use a file system that all share"
            here._welcome.add(run)
        try:
            loaded, arguments = pickle.loads(payload), pickle.loads(items)  # noqa: S301 what this process pickled
        except ImportError as error:
            return "refused", f"{who} lacks a package ({error}); start it in the same environment as this"
        ended, result = here.attend(loaded, arguments, ticks)
        return ("done", result) if ended else ("hung", address)

    return task


def attend(function: Callable[[Item], Result], argument: Item, ticks: int) -> tuple[bool, Result | None]:
    """Call a function in a thread; after some ticks without an end, give up and leave the thread behind.

    Returns
    -------
    ended, result
        Whatever the function raises is raised here.
    """
    call: Future[Result] = Future()

    def run() -> None:
        # The workers are the parallelism; a BLAS with threads of its own would slow them and change the last bits. The
        # limit stays: a thread left behind would lift it in the midst of another task.
        threadpool_limits(1)
        try:
            call.set_result(function(argument))
        except BaseException as error:
            call.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    for _ in range(ticks):
        thread.join(TICK)
        if call.done():
            return True, call.result()
    return False, None


def versions() -> dict[str, str]:
    """The versions on which results depend: Python, packages and this package's code."""
    package = Path(__file__).parents[1]
    code = b"".join(path.read_bytes() for path in sorted(package.rglob("*.py")))
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{package: _version(package) for package in PACKAGES},
        "the code of this package with digest": hashlib.sha256(code).hexdigest()[:12],
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return MISSING


@contextmanager
def welcoming(folder: Path) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Give what a worker compares with its own: the run, a folder that it must see, the versions."""
    mine = versions()
    if lacking := [name for name, version in mine.items() if version == MISSING]:
        raise ClusterError(
            f"{', '.join(lacking)} can't be found in {sys.prefix}; run `make setup` and use its environment"
        )
    with files.scratch(folder.resolve()) as token:
        yield token.name, token, mine
