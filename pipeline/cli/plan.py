"""`lid plan`: the estimates as they are printed."""

import contextlib
import dataclasses
import json
import sys
from pathlib import Path

from dask.system import CPU_COUNT

from pipeline import files, params
from pipeline.console.terminal import show_table
from pipeline.jobs import estimate
from pipeline.jobs.memo import LIMIT_BYTES


def plan(workers: int | None, as_json: bool) -> None:
    """Estimate a run of the project in the current folder."""
    settings = params.load(Path("params.yaml"))
    place = Path("artifacts") if Path("artifacts").is_dir() else Path()  # on the disk that the run will use
    with files.scratch(place.resolve()) as folder, contextlib.redirect_stdout(sys.stderr):
        estimates = estimate.estimate(settings, workers or CPU_COUNT, folder)
    if as_json:
        print(json.dumps({row.stage: dataclasses.asdict(row) for row in estimates}))
        return
    show_table(*estimate.table(estimates))
    print(
        "\nDVC also keeps a copy of these files in its cache, and the memo keeps up to "
        f"{LIMIT_BYTES / 1e9:.0f} GB of features.\nMemory is that of the largest process; each worker is one process."
    )
