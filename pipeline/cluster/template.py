"""The process that workers of this machine are forked from: it imports once what all of them need."""

import atexit
import functools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, resource_tracker

from pipeline.console import environment
from pipeline.errors import ClusterError

# Dask makes its workers return memory to the system at once, and glibc does so in all threads but the first. That
# doubles the time of short tasks on arrays. Here memory of arrays up to 32 MB, glibc's maximum, is not returned.
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
IS_TEMPLATE = "LID_PIPELINE_IS_TEMPLATE"  # of its environment

if os.environ.pop(IS_TEMPLATE, None):
    atexit.register(os._exit, 0)  # end at once: taking down all modules would take 0.3 s
    environment.own_packages_first()


def start(*modules: str) -> None:
    """Start it, unless it runs or the workers are elsewhere; a stage does so first, as its own imports take as long.

    Its environment is that of the workers: memory and threads are set up as a process starts.
    """
    if os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return
    variables = KEEP_MEMORY | environment.ONE_THREAD | {IS_TEMPLATE: "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        forkserver.set_forkserver_preload(
            [__name__, "distributed", "distributed.nanny", "distributed.worker", *modules]
        )
        with without_interrupts():
            forkserver.ensure_running()
    except OSError as error:
        raise ClusterError(f"worker processes can't start ({error}); run `lid doctor`") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@functools.cache
def has_semaphores() -> bool:
    """Tell if processes can share semaphores, in shared memory; Dask's workers are threads if they can't."""
    try:
        get_context("forkserver").Lock()
    except (OSError, ImportError):
        return False
    return True


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Block SIGINT in threads and processes started in the block, and in theirs: only this thread handles Ctrl-C."""
    resource_tracker.ensure_running()  # its start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
