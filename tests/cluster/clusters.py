"""Dask clusters of real processes, for the tests that need one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
from distributed import Client, LocalCluster

from pipeline import cluster
from pipeline.cluster.worker import KEEP_MEMORY

ROOT = Path(__file__).parents[2]


def family(process: int) -> list[psutil.Process]:
    """A process and those that it has started."""
    parent = psutil.Process(process)
    return [parent, *parent.children(recursive=True)]


class Cluster:
    """A Dask scheduler and workers, each a process; what workers write to standard error is in `log`."""

    def __init__(self, folder: Path) -> None:
        self._file, self.log = folder / "scheduler.json", folder / "workers.log"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard")
        while not self._file.exists() or not self._file.read_text():
            assert self.scheduler.poll() is None
            time.sleep(0.1)
        self.address: str = json.loads(self._file.read_text())["address"]

    def add(self, *options: str, **environment: str) -> None:
        options += ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self._file.parent))
        self.workers.append(self._start("worker", *options, **environment))

    def stop(self) -> None:
        for process in [*self.workers, self.scheduler]:
            if process.poll() is None:
                for each in family(process.pid):  # a stopped worker would outlive its nanny
                    each.kill()
            process.wait()

    def _start(self, what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self._file), *options]
        # Dask replaces a frozen worker after 5 s at the earliest; it looks as often as it is told here.
        settings = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "1s", "PYTHONPATH": str(ROOT)}
        env = {name: value for name, value in os.environ.items() if name not in KEEP_MEMORY}
        env |= settings | environment
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=self._file.parent, env=env, stdout=log, stderr=log)


@contextmanager
def started(folder: Path, workers: int) -> Iterator[Cluster]:
    running = Cluster(folder)
    try:
        for _ in range(workers):
            running.add()
        if workers:
            with Client(running.address) as client:
                client.wait_for_workers(workers, timeout=60)
        with dask.config.set({"scheduler-address": running.address}):
            yield running
    finally:
        running.stop()


@contextmanager
def connected(workers: int) -> Iterator[Client]:
    """Connect to new workers of this process."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        dask.config.set({"scheduler-address": local.scheduler_address}),
        cluster.connect() as client,
    ):
        yield client
