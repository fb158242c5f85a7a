"""Send batches of items to a cluster as tasks, and return one result per item. No other module submits work to Dask.

If something goes wrong with a task:

    its worker is killed              it runs again on another worker, nothing else does
    its worker is frozen              the same; the worker is reported and restarted
    it crashes every worker           its items are tried one by one; those that crash workers even alone have failed
    it does not end                   its items are tried one by one; those that do not end even alone have failed
    its worker has other versions     the run ends: results would depend on which worker computed them
    its worker sees other files       the run ends: its output would be written somewhere else
    scheduler or all workers vanish   the run ends

Time limits are counted in looks and ticks, not read from a clock: a process that is stopped (Ctrl-Z) and continued
later has not exceeded any.
"""

import asyncio
import itertools
import pickle
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cluster.engine import wait_for_nannies
from pipeline.cluster.job import Cause, Item, Job, Result
from pipeline.cluster.task import TICK_S, admission, portable
from pipeline.cluster.watch import Watch, gone, restart
from pipeline.console.terminal import Progress
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

TASK_LIMIT_S = 20  # plus its allowance; tasks usually take 0.1 to 1 s


def run(
    client: "Client", job: Job[Item, Result], batches: Sequence[Sequence[Item]], *, shared_folder: Path, **bound: Any
) -> list[Result]:
    """Apply a job's function to batches of items, in parallel; return one result per item, in the order of the items.

    Parameters
    ----------
    client
        From `engine.connect`.
    shared_folder
        Folder that the function reads or writes: every worker must see it.
    bound
        Further arguments of the function, the same for every batch.

    Raises
    ------
    ClusterError
        If the scheduler or the workers are unreachable, or run other versions or see other files.
    """
    starts = itertools.accumulate((len(batch) for batch in batches), initial=0)
    groups = [[_Batch(first, batch) for first, batch in zip(starts, batches, strict=False)]]
    results: dict[int, Result] = {}
    progress = Progress(job.name, sum(len(batch) for batch in batches), job.unit)
    with admission(shared_folder, job.packages) as admitted:
        wait_for_nannies(client)
        task = portable(partial(job.function, **bound), job.packages, *admitted, ceil(job.compile_s / TICK_S))
        for group in groups:  # groups grow: the first holds all batches, each further one a batch that crashed workers
            isolated = group is not groups[0]  # so that nothing else can crash the worker
            for batch, outcome in _outcomes(client, task, group, job.allowance_s):
                cause = _cause(outcome)
                if cause == "hung":
                    restart(client, [outcome[1]], leave=True)
                if cause == "killed" and not isolated:
                    groups.append([batch.split()])
                elif cause and not batch.alone:
                    group.append(batch.split())
                else:
                    values = [job.placeholder(batch.items[0], cause)] if cause else _checked(outcome)
                    results.update(enumerate(values, batch.first))
                    progress.update(len(values))
                    group.extend(batch.following())
    return [results[position] for position in range(len(results))]


@dataclass(frozen=True)
class _Batch:
    """Consecutive items for one task.

    Attributes
    ----------
    first
        Position of the first item among all items.
    rest
        The items to try one by one after an item that is alone: parts of a shard must be written one at a time.
    """

    first: int
    items: Sequence[Any]
    rest: Sequence[Any] = ()
    alone: bool = False

    def split(self) -> "_Batch":
        """Take the first item alone."""
        return self if self.alone else _Batch(self.first, self.items[:1], self.items[1:], alone=True)

    def following(self) -> "list[_Batch]":
        """Take the next item alone, if there is one."""
        return [_Batch(self.first + 1, self.rest[:1], self.rest[1:], alone=True)] if self.rest else []


def _outcomes(
    client: "Client", task: Callable[..., Any], batches: list[_Batch], allowance_s: Callable[[Any], float]
) -> Iterator[tuple[_Batch, Any]]:
    """Yield each batch as it ends with the return value or exception of its task; more may be appended meanwhile."""
    done: queue.Queue[tuple[Any, Any]] = queue.Queue()
    running: dict[Any, tuple[Any, _Batch]] = {}  # by key; Dask cancels a task when nobody holds its future
    watch = Watch(client)
    submitted = 0
    while submitted < len(batches) or running:
        new, submitted = batches[submitted:], len(batches)
        for future, batch in zip(_submit(client, task, new, allowance_s), new, strict=True):
            running[future.key] = future, batch
            future.add_done_callback(partial(_fetch, client, done))
        try:
            future, fetched = done.get(timeout=watch.due_in())
        except queue.Empty:
            watch.look()
            continue
        watch.look()
        _, batch = running.pop(future.key)
        outcome = _outcome(future, fetched)
        future.release()  # before its worker may be restarted: Dask would repeat the task
        if outcome is not None:
            yield batch, outcome
        elif client.status == "running":
            batches.append(batch)  # the worker that held the result is gone
        else:
            raise gone(client)


def _fetch(client: "Client", done: queue.Queue[tuple[Any, Any]], future: Any) -> None:
    """Put a task that has ended into the queue, with its result once it is here.

    Nobody waits for the result: the worker that holds it may be frozen, and then it comes once that is restarted.
    """
    if future.status != "finished":
        done.put((future, None))
        return
    gathered = client.gather(future, asynchronous=True)
    fetched = asyncio.run_coroutine_threadsafe(gathered, client.loop.asyncio_loop)
    fetched.add_done_callback(lambda fetched: done.put((future, fetched)))


def _outcome(future: Any, fetched: Any) -> Any:
    """The return value or exception of a task; None if it is lost with its worker or the scheduler."""
    from distributed import CancelledError

    try:
        if fetched is not None:
            return fetched.result()
        return None if future.status in ("cancelled", "lost") else future.exception()
    except (OSError, CancelledError, futures.CancelledError):  # of the connection: the task's own are in `exception`
        return None
    except Exception as error:  # the task was repeated, as its result was lost, and failed
        return error


def _submit(
    client: "Client", task: Callable[..., Any], batches: Sequence[_Batch], allowance_s: Callable[[Any], float]
) -> list[Any]:
    if not batches:
        return []
    # Pickled here as a whole: Dask would send every array in a batch separately.
    packed = [pickle.dumps(batch.items) for batch in batches]
    ticks = [ceil((TASK_LIMIT_S + sum(allowance_s(item) for item in batch.items)) / TICK_S) for batch in batches]
    return list(client.map(task, packed, ticks, retries=2, pure=False, priority=int(batches[0].alone)))


def _cause(outcome: Any) -> Cause | None:
    """Why the items of a task with this outcome have failed; None if they have not."""
    from distributed import KilledWorker

    if isinstance(outcome, KilledWorker):
        return "killed"
    return "hung" if isinstance(outcome, tuple) and outcome[0] == "hung" else None


def _checked(outcome: Any) -> list[Any]:
    """The results of a batch. An exception of the task, or a worker's refusal of it, is raised here."""
    if isinstance(outcome, BaseException):
        raise outcome
    kind, value = outcome
    if kind == "refused":
        raise ClusterError(value)
    return list(value)
