"""The one place that talks to Dask.

Dask's own configuration chooses the engine: where a scheduler's address is set (DASK_SCHEDULER_ADDRESS) the work goes
to that cluster; otherwise to one process a core on this machine. Results never depend on which.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import ProgramError
from pipeline.terminal import Progress

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")


def map(
    function: Callable[[Item], Result], items: Sequence[Item], *, job: str, unit: str, batch: int = 1
) -> list[Result]:
    """Apply a function to every item, in parallel, and give the results back in the order of the items.

    Parameters
    ----------
    function
        Importable by the workers; its results should be small, its large output written by itself.
    batch
        Items a task: a task costs some milliseconds of its own.
    """
    from distributed import as_completed

    batches = [items[start : start + batch] for start in range(0, len(items), batch)]
    results: list[list[Result]] = [[] for _ in batches]
    progress = Progress(job, len(items), unit)
    with _client() as client:
        futures = client.map(_each, [function] * len(batches), batches, retries=2, pure=False)
        index = {future.key: number for number, future in enumerate(futures)}
        for future in as_completed(futures):
            number = index[future.key]
            results[number] = future.result()
            progress.update(len(batches[number]))
    return [result for done in results for result in done]


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    from threadpoolctl import threadpool_limits

    # The workers are the parallelism; a BLAS with threads of its own would slow them and change the last bits.
    with threadpool_limits(1):
        return [function(item) for item in items]


@contextmanager
def _client() -> "Iterator[Client]":
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.ERROR)
    address = dask.config.get("scheduler-address", None)
    if address:
        try:
            client = Client()
        except (OSError, ValueError) as error:
            raise ProgramError(
                f"no Dask scheduler answers at {address!r} ({error}); start one there, or unset DASK_SCHEDULER_ADDRESS"
            ) from None
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=CPU_COUNT, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
        ) as local,
        Client(local) as client,
    ):
        yield client
