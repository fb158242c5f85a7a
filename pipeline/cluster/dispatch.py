"""The one place that talks to Dask.

Dask's own configuration chooses the engine: if a scheduler's address is set (DASK_SCHEDULER_ADDRESS) the work goes
to that cluster; otherwise to one process per core of this machine. Results never depend on which.

What can go wrong with a task, and what becomes of it:

    its worker is killed            it is done again elsewhere, nothing else is
    its worker is frozen            the same; the worker is reported and restarted
    it kills every worker it meets  its items are tried one by one; those that still kill are given up
    it does not end                 its items are tried one by one; those that still do not end are given up
    its worker is another version   the run ends: results would depend on who computed them
    its worker sees other files     the run ends: they would be written where nobody looks
    the scheduler, or all workers, are gone    the run ends

Time limits are counted in looks and ticks, not read from a clock: a process that was stopped as a whole (Ctrl-Z) and
goes on later has exceeded none.
"""

import itertools
import logging
import pickle
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from multiprocessing import resource_tracker
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipeline.cluster.task import TICK, portable, welcoming
from pipeline.cluster.watch import Watch, gone, restart
from pipeline.console.terminal import Progress
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")
Cause = Literal["killed", "hung"]
"""Why an item is given up: alone in a task, it ended every worker that took it, or the task did not end."""
HOW: dict[Cause, str] = {"killed": "ends its process, every time", "hung": "does not end"}

LIMIT = 20  # s for a task, beside its allowance; usual are 0.1 to 1 s
BYTES_PER_S = 0.5e6  # of files in any format, for allowances: slower than 32 kbit/s MP3 decodes on a busy machine
SAMPLES_PER_S = 1e6  # for allowances: a tenth of what trim and features do


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
    # `Watch` restarts frozen workers; Dask's own limits go by the clock, and give a slow restart up.
    patient = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1 day"}
    given = dask.config.get("distributed.worker.preload")
    given = [given] if isinstance(given, str) else given
    with dask.config.set(keep_memory | patient), _without_interrupts():
        local = LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=[*given, *(module.__name__ for module in modules)],
        )
    with dask.config.set(keep_memory | patient), local, Client(local) as client:
        local.scale(CPU_COUNT)  # they start while the caller gets its work ready
        yield client


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Keep SIGINT from threads and processes that start in the block, and from theirs: Ctrl-C is for this thread."""
    resource_tracker.ensure_running()  # its start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def map(
    client: "Client",
    function: Callable[[Sequence[Item]], list[Result]],
    batches: Sequence[Sequence[Item]],
    *,
    folder: Path,
    lost: Callable[[Item, Cause], Result],
    job: str,
    unit: str,
    allowance: Callable[[Item], float] = lambda _: 0.0,
) -> list[Result]:
    """Apply a function to batches of items, in parallel; return one result per item, in the order of the items.

    Parameters
    ----------
    client
        From `connect`.
    function
        Importable by the workers; its results should be small, its large output written by itself.
    batches
        One task each: a task costs some milliseconds of its own.
    folder
        What the function reads or writes: every worker must see it.
    lost
        The result of an item that is given up; called as soon as that is known.
    allowance
        Seconds that an item may take, beside the `LIMIT` of every task.

    Raises
    ------
    ClusterError
        If scheduler or workers are gone, or differ from this process.
    """
    starts = itertools.accumulate((len(batch) for batch in batches), initial=0)
    groups = [[_Piece(first, batch) for first, batch in zip(starts, batches, strict=False)]]
    results: dict[int, Result] = {}
    progress = Progress(job, sum(len(batch) for batch in batches), unit)
    with welcoming(folder) as welcome:
        task = portable(function, *welcome)
        for group in groups:  # which grow: the first holds all batches, each of the others one that kills its workers
            isolated = group is not groups[0]  # so that nothing else can be what kills the worker
            for piece, outcome in _run(client, task, group, allowance):
                cause = _cause(outcome)
                if cause == "hung":
                    restart(client, [outcome[1]], leave=True)
                if cause == "killed" and not isolated:
                    groups.append([piece.split()])
                elif cause and not piece.alone:
                    group.append(piece.split())
                else:
                    values = [lost(piece.items[0], cause)] if cause else _checked(outcome)
                    results.update(enumerate(values, piece.first))
                    progress.update(len(values))
                    group.extend(piece.following())
    return [results[at] for at in range(len(results))]


@dataclass(frozen=True)
class _Piece:
    """Consecutive items for one task.

    Attributes
    ----------
    first
        Position of the first item among all items.
    rest
        The items to try after an item that is alone, one by one: parts of a shard have to be written one at a time.
    """

    first: int
    items: Sequence[Any]
    rest: Sequence[Any] = ()
    alone: bool = False

    def split(self) -> "_Piece":
        """Take the first item alone."""
        return self if self.alone else _Piece(self.first, self.items[:1], self.items[1:], alone=True)

    def following(self) -> "list[_Piece]":
        """Take the next item alone, if there is one."""
        return [_Piece(self.first + 1, self.rest[:1], self.rest[1:], alone=True)] if self.rest else []


def _run(
    client: "Client", task: Callable[..., Any], pieces: list[_Piece], allowance: Callable[[Any], float]
) -> Iterator[tuple[_Piece, Any]]:
    """Yield each piece as it ends with the return value or exception of its task; more may be appended meanwhile."""
    from distributed import CancelledError

    done: queue.Queue[Any] = queue.Queue()
    running: dict[Any, tuple[Any, _Piece]] = {}  # by key; Dask cancels a task when nobody holds its future
    watch = Watch(client)
    submitted = 0
    while submitted < len(pieces) or running:
        new, submitted = pieces[submitted:], len(pieces)
        for future, piece in zip(_submit(client, task, new, allowance), new, strict=True):
            running[future.key] = future, piece
            future.add_done_callback(done.put)
        try:
            future = done.get(timeout=watch.due_in())
        except queue.Empty:
            watch.look()
            continue
        watch.look()
        _, piece = running.pop(future.key)
        try:
            outcome = None if future.status in ("cancelled", "lost") else future.exception() or future.result()
        except (OSError, CancelledError):  # not of the task, whose own are in `exception`
            outcome = None
        future.release()  # before its worker may be restarted: Dask would do the task again
        if outcome is not None:
            yield piece, outcome
        elif client.status == "running":
            pieces.append(piece)  # the worker that held the result is gone
        else:
            raise gone(client)


def _submit(
    client: "Client", task: Callable[..., Any], pieces: Sequence[_Piece], allowance: Callable[[Any], float]
) -> list[Any]:
    if not pieces:
        return []
    # Pickled here, as one piece: Dask would send every array in a batch by itself.
    packed = [pickle.dumps(piece.items) for piece in pieces]
    ticks = [ceil((LIMIT + sum(allowance(item) for item in piece.items)) / TICK) for piece in pieces]
    return list(client.map(task, packed, ticks, retries=2, pure=False, priority=int(pieces[0].alone)))


def _cause(outcome: Any) -> Cause | None:
    """Why the items of a task with this outcome may have to be given up."""
    from distributed import KilledWorker

    if isinstance(outcome, KilledWorker):
        return "killed"
    return "hung" if isinstance(outcome, tuple) and outcome[0] == "hung" else None


def _checked(outcome: Any) -> list[Any]:
    """The results of a batch; what the task raised, or why the worker would not take it, is raised here."""
    if isinstance(outcome, BaseException):
        raise outcome
    kind, value = outcome
    if kind == "refused":
        raise ClusterError(value)
    return list(value)
