"""Send parts to a cluster as tasks, and collect one result per part."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipeline import files
from pipeline.cluster.worker import Environment
from pipeline.console.terminal import Progress
from pipeline.console.text import printable
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

TASK_S = 20.0  # that a task may take in addition to the seconds of its items; usually it takes 0.1 to 1 s
COMPILE_S = 120.0  # that the first task of a worker may take in addition: Numba compiles for 5 to 15 s


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
    in_order
        Start with the first part, not with the longest.
    """

    name: str
    unit: str
    code: tuple[str, ...]
    packages: tuple[str, ...]
    function: Callable[..., Result]
    label: Callable[[Item], str]
    seconds: Callable[[Item], float]
    in_order: bool = False


def run(
    client: "Client",
    job: Job[Item, Result],
    parts: Sequence[Sequence[Item]],
    *,
    shared: Path,
    keep: bool = True,
    **bound: Any,
) -> Iterator[Result]:
    """Apply a job's function to parts, in parallel; yield one result per part, in order, as soon as they are known.

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
    known: dict[int, Result] = {}
    following = 0
    for number, result in _ended(client, job, parts, shared, keep, bound):
        known[number] = result
        while following in known:
            yield known.pop(following)
            following += 1


def _ended(
    client: "Client", job: Job[Item, Result], parts: Sequence[Sequence[Item]], shared: Path, keep: bool, bound: Any
) -> Iterator[tuple[int, Result]]:
    """Yield the number and the result of each part as soon as it has ended."""
    from distributed import KilledWorker

    failed: list[int] = []  # parts
    progress = Progress(job.name, sum(map(len, parts)), job.unit)
    with files.scratch(shared.resolve()) as token:
        task = _portable(partial(job.function, **bound), Environment.of_this_process(job.packages, token))
        order = list(range(len(parts)))
        if not job.in_order:  # the longest first, not last
            order.sort(key=lambda number: -sum(map(job.seconds, parts[number])))
        tasks = [(parts[number], frozenset[int](), keep) for number in order]
        for place, outcome in _outcomes(client, job, task, tasks, round(COMPILE_S)):
            number = order[place]
            if isinstance(outcome, KilledWorker):
                failed.append(number)
            else:
                yield number, _checked(client, outcome)
                progress.update(len(parts[number]))
        for number in failed:  # one task at a time: Dask counts a crash against all tasks that its worker has
            left_out = set()
            for position, item in enumerate(parts[number]):
                [(_, outcome)] = _outcomes(client, job, task, [([item], frozenset(), False)])
                if isinstance(outcome, KilledWorker):
                    print(printable(f"{job.label(item)!r} crashed every worker or did not end"), flush=True)
                    left_out.add(position)
            [(_, outcome)] = _outcomes(client, job, task, [(parts[number], frozenset(left_out), keep)])
            if isinstance(outcome, KilledWorker):
                names = f"{job.label(parts[number][0])!r} to {job.label(parts[number][-1])!r}"
                raise ClusterError(printable(f"every worker that took {names} together crashed or did not end"))
            yield number, _checked(client, outcome)
            progress.update(len(parts[number]))


def _portable(function: Callable[..., Any], environment: Environment) -> Callable[..., Any]:
    """Return a task that any Python can load: Dask hangs if a worker can't import what it is sent."""
    payload = pickle.dumps((function, environment))

    def task(packed: bytes, seconds: int, compile_s: int) -> Any:  # a nested function is sent as code
        from pipeline.cluster.worker import call

        return call(payload, packed, seconds, compile_s)

    return task


def _outcomes(
    client: "Client", job: Job[Any, Any], task: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], compile_s: int = 0
) -> Iterator[tuple[int, Any]]:
    """Yield the position of each task as it ends, with its result or its exception."""
    from distributed import as_completed

    # Pickled here as a whole: Dask would send every array in a part separately.
    packed = [pickle.dumps(task) for task in tasks]
    seconds = [round(TASK_S + sum(map(job.seconds, items))) for items, *_ in tasks]
    futures = client.map(task, packed, seconds, compile_s=compile_s, retries=2, pure=False)
    positions = {future.key: position for position, future in enumerate(futures)}
    for future, outcome in as_completed(futures, with_results=True, raise_errors=False):
        yield positions[future.key], outcome[1] if future.status == "error" else outcome


def _checked(client: "Client", outcome: Any) -> Any:
    """Return the result of a task that has ended, or raise its exception."""
    from distributed import CancelledError

    if isinstance(outcome, CancelledError) or client.status != "running":
        address = client.scheduler.address if client.scheduler else "an unknown address"
        raise ClusterError(
            f"the Dask scheduler at {address} is gone; start it again with its workers and run again: "
            "finished work is reused"
        )
    if isinstance(outcome, ImportError):
        raise ClusterError(
            f"a Dask worker can't import this package or one that it needs ({outcome}); "
            "start it in the same environment"
        ) from outcome
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
