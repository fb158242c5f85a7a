"""Connect to a Dask cluster, or start one on this machine, whose workers are forked from one process."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cluster.worker import KEEP_MEMORY
from pipeline.console import environment
from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

ROOT = str(Path(__file__).parents[2])  # of the code
FROZEN_S = 60  # without a sign of life, after which a worker of this machine is replaced
ATTEMPTS = 2  # on this machine, until the items of a part are tried one by one
NO_WORKER_S = 600  # until a run without a worker ends: a batch system may have to start one


@contextmanager
def connect(*modules: str, wait_s: float = NO_WORKER_S, processes: int | None = None) -> "Iterator[Client]":
    """Connect to the cluster, or start one on this machine.

    Parameters
    ----------
    modules
        Modules that workers of this machine import as they start.
    wait_s
        Seconds to wait for a worker of another cluster.
    processes
        Workers on this machine; None: one per core.

    Raises
    ------
    ClusterError
        If no scheduler answers, or a worker can't start.
    """
    import dask

    if os.fsencode(ROOT).decode(errors="ignore") != ROOT:  # a traceback would never arrive
        raise ClusterError(f"the code is in {ROOT!r}, and Dask sends names in UTF-8 only; rename what is not")
    warm(*modules)
    import distributed  # noqa: F401 it sets the levels of its loggers

    for name in ("distributed", "distributed.client"):  # errors are raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    address = dask.config.get("scheduler-address", None)
    with _existing(address, wait_s) if address else _local(modules, processes) as client:
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
def _local(modules: Sequence[str], count: int | None) -> "Iterator[Client]":
    import dask

    processes = has_semaphores()
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # leftovers of a crashed worker: they are cleaned up
    given = dask.config.get("distributed.worker.preload")
    own = dask.config.merge(*dask.config.defaults)
    settings = {
        "distributed": own["distributed"],  # a user's are for other clusters, such as their encryption
        "distributed.worker.multiprocessing-method": "forkserver",
        "distributed.worker.profile.enabled": False,  # nobody looks at it, and it grows
        "distributed.scheduler.worker-ttl": f"{FROZEN_S} s",
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        "distributed.scheduler.no-workers-timeout": f"{NO_WORKER_S} s",
    }
    with dask.config.set(settings):
        try:
            with _without_interrupts():
                cluster = LocalCluster(
                    n_workers=count or CPU_COUNT,
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


def warm(*modules: str) -> None:
    """Start the process that workers of this machine are forked from, which imports once what all of them need.

    It does so while the caller prepares its work for `connect`. Nothing happens if it runs, or workers are elsewhere.
    """
    import dask

    if dask.config.get("scheduler-address", None) or not has_semaphores():
        return
    variables = KEEP_MEMORY | environment.ONE_THREAD | {"PYTHONPATH": ROOT}  # memory is set up as a process starts
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        main = sys.modules["__main__"].__spec__  # a worker imports it, and all that it needs
        stage = [main.name] if main else []
        forkserver.set_forkserver_preload(["distributed", "distributed.nanny", "distributed.worker", *modules, *stage])
        with _without_interrupts():
            forkserver.ensure_running()
    except OSError as error:
        raise ClusterError(f"worker processes can't start ({error}); run `lid doctor`") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def has_semaphores() -> bool:
    """Return whether processes can share semaphores, in shared memory; Dask's workers are threads if they can't."""
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
