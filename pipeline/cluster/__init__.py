"""Apply a function to parts of a corpus on a Dask cluster. No other module talks to Dask.

The cluster is the one in Dask's configuration (DASK_SCHEDULER_ADDRESS), or one process per core of this machine. The
results are the same.

    a worker is killed or frozen          Dask repeats its task on another worker
    a task exceeds its time               it ends its worker process, so this is the same
    a part fails on several workers       at last, its items are tried one by one, and it without those that fail
    a worker has other versions or files  the run ends: results would depend on which worker computed them
    the scheduler is gone                 the run ends; finished parts are in the cache
"""

from pipeline.cluster.connection import connect, has_semaphores, warm
from pipeline.cluster.execution import Job, run

__all__ = ["Job", "connect", "has_semaphores", "run", "warm"]
