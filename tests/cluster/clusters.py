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

ROOT = Path(__file__).parents[2]


def family(process: int) -> list[psutil.Process]:
    """A process and those that it has started."""
    parent = psutil.Process(process)
    return [parent, *parent.children(recursive=True)]


class Cluster:
    """A Dask scheduler and workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard")
        while not self._file.exists() or not self._file.read_text():
            assert self.scheduler.poll() is None
            time.sleep(0.1)
        self.address: str = json.loads(self._file.read_text())["address"]

    def add(self, **environment: str) -> None:
        options = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self._file.parent))
        self.workers.append(self._start("worker", *options, **environment))

    def kill_workers(self) -> None:
        for worker in self.workers:  # the nanny, and with it the worker that it would start again
            worker.kill()
            worker.wait()

    def stop(self) -> None:
        self.kill_workers()
        self.scheduler.kill()
        self.scheduler.wait()

    def _start(self, what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self._file), *options]
        settings = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}  # a frozen worker is replaced sooner than usually
        env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), **environment}
        null = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self._file.parent, env=env, stdout=null, stderr=null)


@contextmanager
def started(folder: Path, workers: int) -> Iterator[Cluster]:
    running = Cluster(folder)
    try:
        for _ in range(workers):
            running.add()
        with dask.config.set({"scheduler-address": running.address}):
            yield running
    finally:
        running.stop()
