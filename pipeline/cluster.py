"""Apply a function to parts of a corpus on a Dask cluster. No other module talks to Dask.

The cluster is the one in Dask's configuration (DASK_SCHEDULER_ADDRESS), or one process per core of this machine. The
results are the same.

    a worker is killed or frozen          Dask repeats its task on another worker
    a task exceeds its time               it ends its worker process, so this is the same
    a part fails on several workers       at last, its items are tried one by one, and it without those that fail
    a worker has other versions or files  the run ends: results would depend on which worker computed them
    the scheduler is gone                 the run ends; finished parts are in the cache
"""

import logging
import os
import pickle
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipeline import files
from pipeline.console import environment
from pipeline.console.terminal import Progress
from pipeline.console.text import printable
from pipeline.errors import ClusterError
from pipeline.versions import MISSING, OPTIONAL, installed

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

TASK_S = 20.0  # that a task may take in addition to the seconds of its items; usually it takes 0.1 to 1 s
COMPILE_S = 120.0  # that the first task of a worker may take in addition: Numba compiles for 5 to 15 s
FROZEN_S = 60  # without a sign of life, after which a worker of this machine is replaced
ATTEMPTS = 2  # on this machine, until the items of a part are tried one by one
NO_WORKER_S = 600  # until a run without a worker ends: a batch system may have to start one
# Dask makes its workers return memory to the system at once, and glibc does so in all threads but the first. That
# doubles the time of short tasks on arrays. Here memory of arrays up to 32 MB, glibc's maximum, is not returned.
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}

_admitted: set[str] = set()  # runs whose versions and files this worker process shares


@dataclass(frozen=True)
class Job(Generic[Item, Result]):
    """The work of a stage, declared once, with everything that its results depend on.

    Attributes
    ----------
    name
        Name of the stage.
    unit
        Name of the items in messages.
    code
        Rooms and modules of the package that affect the results, as paths relative to it.
    packages
        Packages whose versions affect the results: workers must have the same.
    function
        Takes the items of a part, ``left_out`` (positions of the items that fail alone), ``keep`` (False: write
        nothing) and further arguments by keyword; returns the result of the part. Workers import it by name. Large
        output it writes itself.
    label
        Returns the name of an item for messages.
    seconds
        Returns the seconds that an item may take.
    """

    name: str
    unit: str
    code: tuple[str, ...]
    packages: tuple[str, ...]
    function: Callable[..., Result]
    label: Callable[[Item], str]
    seconds: Callable[[Item], float]


@contextmanager
def connect(*modules: str, wait_s: float = NO_WORKER_S) -> "Iterator[Client]":
    """Connect to the cluster, or start one on this machine's cores.

    Parameters
    ----------
    modules
        Modules that workers of this machine import as they start.
    wait_s
        Seconds to wait for a worker of another cluster.

    Raises
    ------
    ClusterError
        If no scheduler answers, or a worker can't start.
    """
    import dask

    for name in ("distributed", "distributed.client"):  # anything important is raised as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)
    address = dask.config.get("scheduler-address", None)
    with _existing(address, wait_s) if address else _local(modules) as client:
        yield client


@contextmanager
def _existing(address: str, wait_s: float) -> "Iterator[Client]":
    from distributed import Client

    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address!r} ({error}); start one there, or unset DASK_SCHEDULER_ADDRESS"
        ) from error
    with client:
        if not client.nthreads():
            print(f"waiting up to {wait_s:.0f} s for a worker of the Dask cluster at {address}", flush=True)
        try:
            client.wait_for_workers(1, wait_s)
        except TimeoutError as error:
            raise ClusterError(
                f"the Dask cluster at {address} has had no worker for {wait_s:.0f} s; start some and run again"
            ) from error
        yield client


@contextmanager
def _local(modules: Sequence[str]) -> "Iterator[Client]":
    import dask

    processes = has_semaphores()
    if processes:
        _start_forkserver(modules)  # it imports the modules while this process imports Dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # leftovers of a crashed worker: they are cleaned up
    given = dask.config.get("distributed.worker.preload")
    settings = {
        "distributed.worker.multiprocessing-method": "forkserver",
        "distributed.scheduler.worker-ttl": f"{FROZEN_S} s",
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        "distributed.scheduler.no-workers-timeout": f"{NO_WORKER_S} s",
    }
    with dask.config.set(settings):
        try:
            with _without_interrupts():
                cluster = LocalCluster(
                    n_workers=CPU_COUNT,
                    threads_per_worker=1,
                    processes=processes,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                    preload=[*([given] if isinstance(given, str) else given), *(modules if processes else ())],
                )
        except Exception as error:  # whatever a worker meets while it starts
            reason: BaseException = error
            while reason.__cause__ is not None:
                reason = reason.__cause__
            detail = f"{type(reason).__name__}: {reason}"
            raise ClusterError(f"a worker process can't start ({detail}); run `lid doctor`") from error
        with cluster, Client(cluster) as client:
            yield client


def _start_forkserver(modules: Sequence[str]) -> None:
    """Start the process that workers of this machine are forked from: it imports once what all of them need."""
    root = str(Path(__file__).parents[1])
    variables = KEEP_MEMORY | environment.ONE_THREAD | {"PYTHONPATH": root}  # memory is set up as a process starts
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        forkserver.set_forkserver_preload(["distributed", "distributed.nanny", "distributed.worker", *modules])
        with _without_interrupts():
            forkserver.ensure_running()
    except OSError as error:
        raise ClusterError(f"worker processes can't start ({error}); run `lid doctor`") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def has_semaphores() -> bool:
    """Tell if processes can share semaphores, in shared memory; Dask's workers are threads if they can't."""
    try:
        get_context("forkserver").Lock()
    except (OSError, ImportError):
        return False
    return True


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT in threads and processes started in the block, and in theirs: only this thread handles Ctrl-C."""
    resource_tracker.ensure_running()  # its start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    client: "Client",
    job: Job[Item, Result],
    parts: Sequence[Sequence[Item]],
    *,
    shared: Path,
    keep: bool = True,
    **bound: Any,
) -> list[Result]:
    """Apply a job's function to parts, in parallel; return one result per part, in order.

    Parameters
    ----------
    client
        From `connect`.
    shared
        Folder that the function reads or writes: every worker must see it.
    keep
        False: the function writes nothing.
    bound
        Further arguments of the function, the same for every part.

    Raises
    ------
    ClusterError
        If the scheduler is gone, or a worker has other versions or sees other files.
    """
    results: dict[int, Result] = {}
    failed: list[int] = []  # parts
    progress = Progress(job.name, sum(map(len, parts)), job.unit)
    with files.scratch(shared.resolve()) as token:
        call = partial(_call, partial(job.function, **bound), _Environment.of_this_process(job.packages, token))
        tasks = [(items, frozenset[int](), keep) for items in parts]
        for number, outcome in _outcomes(client, job, call, tasks, round(COMPILE_S)):
            if _crashed(outcome):
                failed.append(number)
            else:
                results[number] = _checked(client, outcome)
                progress.update(len(parts[number]))
        for number in failed:  # one task at a time: Dask counts a crash against all tasks that its worker has
            left_out = set()
            for position, item in enumerate(parts[number]):
                [(_, outcome)] = _outcomes(client, job, call, [([item], frozenset(), False)])
                if _crashed(outcome):
                    print(printable(f"{job.label(item)!r} crashed every worker or did not end"), flush=True)
                    left_out.add(position)
            [(_, outcome)] = _outcomes(client, job, call, [(parts[number], frozenset(left_out), keep)])
            if _crashed(outcome):
                names = f"{job.label(parts[number][0])!r} to {job.label(parts[number][-1])!r}"
                raise ClusterError(printable(f"every worker that took {names} together crashed or did not end"))
            results[number] = _checked(client, outcome)
            progress.update(len(parts[number]))
    return [results[number] for number in range(len(parts))]


def _outcomes(
    client: "Client", job: Job[Any, Any], call: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], compile_s: int = 0
) -> Iterator[tuple[int, Any]]:
    """Yield the position of each task as it ends, with its result or its exception."""
    from distributed import as_completed

    # Pickled here as a whole: Dask would send every array in a part separately.
    packed = [pickle.dumps(task) for task in tasks]
    seconds = [round(TASK_S + sum(map(job.seconds, items))) for items, *_ in tasks]
    futures = client.map(call, packed, seconds, compile_s=compile_s, retries=2, pure=False)
    positions = {future.key: position for position, future in enumerate(futures)}
    for future, outcome in as_completed(futures, with_results=True, raise_errors=False):
        yield positions[future.key], outcome[1] if future.status == "error" else outcome


def _crashed(outcome: Any) -> bool:
    from distributed import KilledWorker

    return isinstance(outcome, KilledWorker)


def _checked(client: "Client", outcome: Any) -> Any:
    """Return the result of a task that has ended, or raise its exception."""
    from distributed import CancelledError

    if isinstance(outcome, CancelledError) or client.status != "running":
        address = client.scheduler.address if client.scheduler else "an unknown address"
        raise ClusterError(
            f"the Dask scheduler at {address} is gone; start it again with its workers and run again: "
            "finished work is reused"
        )
    if isinstance(outcome, ImportError) or (isinstance(outcome, RuntimeError) and "deserialization" in str(outcome)):
        reason = outcome.__cause__ or outcome
        raise ClusterError(
            f"a Dask worker or the scheduler can't import this package ({reason}); start it in the same environment"
        ) from outcome
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@dataclass(frozen=True)
class _Environment:
    """What a worker must share with the process that runs the job."""

    process: tuple[str, int]
    versions: Mapping[str, str]
    token: str  # a folder

    @classmethod
    def of_this_process(cls, packages: Sequence[str], token: Path) -> "_Environment":
        versions = {"Python": ".".join(platform.python_version_tuple()[:2]), **installed(packages)}
        if lacking := [name for name, version in versions.items() if version == MISSING and name not in OPTIONAL]:
            raise ClusterError(
                f"{', '.join(lacking)} can't be found in {sys.prefix}; run `make setup` and use its environment"
            )
        return cls((platform.node(), os.getpid()), versions | {"code of this package": _code()}, str(token))

    def require(self) -> None:
        """Raise a ClusterError in a worker that differs."""
        from distributed import get_worker

        who = f"the Dask worker {get_worker().address}"
        found = installed(self.versions) | {
            "Python": ".".join(platform.python_version_tuple()[:2]),
            "code of this package": _code(),
        }
        for name, version in self.versions.items():
            if found[name] != version:
                raise ClusterError(f"{who} has {name} {found[name]}, not {version}; start it in the same environment")
        if not Path(self.token).is_dir():
            folder = Path(self.token).parent
            raise ClusterError(f"{who} does not see the files in {folder}; use a file system that all share")


def _code() -> str:
    from pipeline.cache import key

    return key({}, code=[""])[:12]


def _call(
    function: Callable[..., Result], expected: _Environment, packed: bytes, seconds: int, compile_s: int
) -> Result:
    """Run a task in a worker."""
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
