"""Preloaded by the Dask workers of limits.py: writes the time at which the first of them takes its first task."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin

VARIABLE = "FIRST_TASK"  # of the environment: the file to write


async def dask_setup(worker: Worker) -> None:
    await worker.plugin_add(_FirstTask())


class _FirstTask(WorkerPlugin):  # type: ignore[misc]
    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        if finish == "executing":
            with suppress(FileExistsError), Path(os.environ[VARIABLE]).open("x") as file:
                file.write(str(time.time()))
