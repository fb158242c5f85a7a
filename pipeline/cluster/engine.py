"""The cluster that does the work: the one that Dask's configuration names, or a process per core of this machine.

If a scheduler's address is set (DASK_SCHEDULER_ADDRESS), the work goes to that cluster. Results never depend on which.
"""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from pipeline.cluster.job import Job
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def connect(*jobs: Job[Any, Any]) -> "Iterator[Client]":
    """Connect to the cluster, or start one of this machine's cores.

    Parameters
    ----------
    jobs
        The work to come: workers of this machine import it while they start.

    Raises
    ------
    ClusterError
        If no scheduler answers.
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    for name in ("distributed", "distributed.client"):  # anything important is raised as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)
    address = dask.config.get("scheduler-address", None)
    if address:
        try:
            client = Client()
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address!r} ({error}); start one there, or unset DASK_SCHEDULER_ADDRESS"
            ) from error
        with client:
            yield client
        return
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # about what a crashed worker left: it is cleaned up
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
            preload=[*given, *(job.module for job in jobs)],
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
