"""The cluster that does the work: the one in Dask's configuration, or one process per core of this machine.

If a scheduler's address is set (DASK_SCHEDULER_ADDRESS), the work goes to that cluster. The results are the same.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.cluster import template
from pipeline.cluster.job import Job
from pipeline.cluster.watch import require_started
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

NANNY_INTERVAL_S = 0.01
NANNY_LIMIT_S = 30  # after which the run starts with the workers that there are


@contextmanager
def connect(*jobs: Job[Any, Any]) -> "Iterator[Client]":
    """Connect to the cluster, or start one on this machine's cores.

    Parameters
    ----------
    jobs
        Jobs that will run: workers of this machine import them while they start.

    Raises
    ------
    ClusterError
        If no scheduler answers.
    """
    import dask

    address = dask.config.get("scheduler-address", None)
    if not address:
        template.start(*(job.module for job in jobs))  # it imports while this process does
    import distributed.utils
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    for name in ("distributed", "distributed.client"):  # anything important is raised as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)
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
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # leftovers of a crashed worker: they are cleaned up
    distributed.utils._forkserver_preload_set = True  # Dask would import what this process does not need
    forked = {"distributed.worker.multiprocessing-method": "forkserver", "distributed.nanny.environ": dict(os.environ)}
    # `Watch` restarts frozen workers; Dask's own limits are read from a clock and abandon a slow restart.
    patient = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1 day"}
    given = dask.config.get("distributed.worker.preload")
    given = [given] if isinstance(given, str) else given
    modules = [job.module for job in jobs] if template.has_semaphores() else []  # threads import them in their tasks
    with dask.config.set(forked | patient), template.without_interrupts():
        local = LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=template.has_semaphores(),
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=[*given, *modules],
        )
    with dask.config.set(forked | patient), local, Client(local) as client:
        local.scale(CPU_COUNT)  # they start while the caller prepares its work
        yield client


def wait_for_nannies(client: "Client") -> None:
    """Wait until the workers of a local cluster have started, and their nannies will restart those that crash.

    A nanny that is still starting does not restart its worker, which can get its first task a moment earlier.

    Raises
    ------
    ClusterError
        With the reason, if a worker can't start.
    """
    from dask.system import CPU_COUNT
    from distributed.core import Status

    if not client.cluster:  # others start their workers long before a run
        return
    for _ in range(round(NANNY_LIMIT_S / NANNY_INTERVAL_S)):
        require_started(client)
        nannies = list(client.cluster.workers.values())
        if len(nannies) >= CPU_COUNT and not any(nanny.status in (Status.init, Status.starting) for nanny in nannies):
            return
        time.sleep(NANNY_INTERVAL_S)
