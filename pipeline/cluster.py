"""The one place that talks to Dask.

Dask's own configuration chooses the engine: where a scheduler's address is set (DASK_SCHEDULER_ADDRESS) the work goes
to that cluster; otherwise to one process a core on this machine. Results never depend on which.

What can go wrong with a task, and what becomes of it:

    its worker is killed            it is done again elsewhere, nothing else is
    it kills every worker it meets  its items are tried one by one; those that still kill are given up, by name
    its worker is another version   the run ends: results would depend on who computed them
    its worker sees other files     the run ends: they would be written where nobody looks
    the scheduler, or all workers, are gone    the run ends
"""

import hashlib
import importlib.metadata
import logging
import pickle
import platform
import queue
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import ClusterError
from pipeline.terminal import Progress

if TYPE_CHECKING:
    from distributed import Client

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
PATIENCE = 600  # s without a worker: a batch system may have to start one
LOOK = 5  # s without news after which the cluster is looked at

_welcome: set[str] = set()  # runs whose versions and files this process, a worker, has found to be its own


@contextmanager
def connect(*modules: ModuleType) -> "Iterator[Client]":
    """The cluster that Dask's configuration names, or one of this machine's processors.

    Parameters
    ----------
    modules
        What the tasks are in: workers of this machine import them while they start.

    Raises
    ------
    ClusterError
        Where no scheduler answers.
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    for name in ("distributed", "distributed.client"):  # what matters of their news is told as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)
    address = dask.config.get("scheduler-address", None)
    if address:
        try:
            client = Client()
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address!r} ({error}); start one there, or unset DASK_SCHEDULER_ADDRESS"
            ) from None
        with client:
            yield client
        return
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # of what a killed worker left: it is cleaned up
    # Dask has its workers give memory back to the system at once, as glibc has all threads but the first do: that
    # doubles the time of short tasks on arrays. Here arrays of up to 32 MB, the most that glibc allows, are kept.
    keep_memory = {
        "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
        "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
    }
    given = dask.config.get("distributed.worker.preload")
    given = [given] if isinstance(given, str) else given
    with (
        dask.config.set(keep_memory),
        LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=[*given, *(module.__name__ for module in modules)],
        ) as local,
        Client(local) as client,
    ):
        local.scale(CPU_COUNT)  # they start while the caller gets its work ready
        yield client


def map(
    client: "Client",
    function: Callable[[Sequence[Item]], list[Result]],
    batches: Sequence[Sequence[Item]],
    *,
    folder: Path,
    lost: Callable[[Item], Result],
    job: str,
    unit: str,
) -> list[Result]:
    """Apply a function to batches of items, in parallel; its results, an item each, in the order of the items.

    Parameters
    ----------
    client
        From `connect`.
    function
        Importable by the workers; its results should be small, its large output written by itself.
    batches
        A task each: a task costs some milliseconds of its own.
    folder
        What the function reads or writes: every worker must see it.
    lost
        What stands for an item that kills every worker that takes it.

    Raises
    ------
    ClusterError
        Where scheduler or workers are gone, or are not what this process is.
    """
    from distributed import KilledWorker

    results: dict[int, list[Result]] = {}
    progress = Progress(job, sum(len(batch) for batch in batches), unit)
    with _welcoming(folder) as welcome:
        task = _portable(function, *welcome)
        killers = []
        for number, outcome in _run(client, task, batches):
            if isinstance(outcome, KilledWorker):
                killers.append(number)
                continue
            results[number] = _checked(outcome)
            progress.update(len(batches[number]))
        for number in sorted(killers):  # one at a time, so that nothing else can be what kills the worker
            results[number] = []
            for item in batches[number]:
                [(_, outcome)] = _run(client, task, [[item]])
                results[number] += [lost(item)] if isinstance(outcome, KilledWorker) else _checked(outcome)
                progress.update(1)
    return [result for number in range(len(batches)) for result in results[number]]


def _run(client: "Client", task: Callable[..., Any], batches: Sequence[Sequence[Any]]) -> Iterator[tuple[int, Any]]:
    """What became of each batch, by its number, as they end: what the task gave, or the exception."""
    from distributed import CancelledError

    done: queue.Queue[Any] = queue.Queue()
    # Pickled here, as one piece: Dask would send every array in a batch by itself.
    futures = client.map(task, [pickle.dumps(batch) for batch in batches], retries=2, pure=False)
    number = {future.key: at for at, future in enumerate(futures)}
    for future in futures:
        future.add_done_callback(done.put)
    seen, told = time.monotonic(), False  # a worker, or news
    while number:
        try:
            future = done.get(timeout=LOOK)
        except queue.Empty:
            if _has_workers(client):
                seen, told = time.monotonic(), False
            elif time.monotonic() - seen > PATIENCE:
                raise ClusterError(
                    f"the Dask cluster at {_address(client)} has had no worker for {PATIENCE} s; start some and run "
                    "again: nothing that was finished is lost"
                ) from None
            elif not told:
                print(
                    f"waiting up to {PATIENCE} s for the Dask cluster at {_address(client)} to have a worker",
                    flush=True,
                )
                told = True
            continue
        seen = time.monotonic()
        if future.status in ("cancelled", "lost"):
            raise _gone(client)
        try:
            outcome = future.exception() or future.result()
        except (OSError, CancelledError):  # not of the task, whose own are in `exception`
            raise _gone(client) from None
        yield number.pop(future.key), outcome
        future.release()


def _has_workers(client: "Client") -> bool:
    try:
        return bool(client.scheduler_info()["workers"])
    except (OSError, KeyError, RuntimeError):
        raise _gone(client) from None


def _gone(client: "Client") -> ClusterError:
    return ClusterError(
        f"the Dask scheduler at {_address(client)} is gone; start it again with its workers and run again: nothing "
        "that was finished is lost"
    )


def _address(client: "Client") -> str:
    return str(client.scheduler.address if client.scheduler else "an unknown address")


def _checked(outcome: Any) -> list[Any]:
    """The results of a batch; what the task raised, or why the worker would not take it, is raised here."""
    if isinstance(outcome, BaseException):
        raise outcome
    kind, value = outcome
    if kind == "refused":
        raise ClusterError(value)
    return list(value)


def _portable(function: Callable[..., Any], run: str, token: Path, versions: dict[str, str]) -> Callable[..., Any]:
    """A task that any Python with Dask can load, so that a worker without this package can say so."""
    payload, text = pickle.dumps(function), str(token)

    def task(items: bytes) -> tuple[str, Any]:  # a function inside of a function is sent as code, not by its name
        import pickle
        from pathlib import Path

        from distributed import get_worker

        who = f"the Dask worker {get_worker().address}"
        try:
            from pipeline import cluster  # noqa: PLW0406 the worker's own
        except ImportError as error:
            return "refused", f"{who} can't import this package ({error}); start it in the same environment as this"
        if run not in cluster._welcome:
            for name, mine in versions.items():
                if (theirs := cluster.versions().get(name)) != mine:
                    return "refused", f"{who} has {name} {theirs}, this has {mine}; start it in the same environment"
            if not Path(text).is_file():
                folder = Path(text).parent
                return "refused", f"{who} does not see the files in {folder}; use a file system that all share"
            cluster._welcome.add(run)
        from threadpoolctl import threadpool_limits

        # The workers are the parallelism; a BLAS with threads of its own would slow them and change the last bits.
        with threadpool_limits(1):
            return "done", pickle.loads(payload)(pickle.loads(items))  # noqa: S301 what this process pickled

    return task


def versions() -> dict[str, str]:
    """What the results depend on: Python, packages and this package's code."""
    own = Path(__file__).parent
    code = b"".join(path.read_bytes() for path in sorted(own.rglob("*.py")))
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
        "the code of this package with digest": hashlib.sha256(code).hexdigest()[:12],
    }


@contextmanager
def _welcoming(folder: Path) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """What a worker compares itself with: the run, a file that it must see, the versions."""
    run = uuid.uuid4().hex
    token = folder.resolve() / f".{run}.token"
    token.touch()
    try:
        yield run, token, versions()
    finally:
        token.unlink(missing_ok=True)
