"""`lid plan`: the estimates as they are printed."""

import contextlib
import dataclasses
import json
import sys
from pathlib import Path

from dask.system import CPU_COUNT

from pipeline import files, params
from pipeline.cache import LIMIT_BYTES
from pipeline.console.terminal import show_table
from pipeline.plan import estimate, table


def plan(workers: int | None, as_json: bool) -> None:
    """Estimate a run of the project in the current folder."""
    settings = params.load(Path("params.yaml"))
    place = Path("artifacts") if Path("artifacts").is_dir() else Path()  # on the disk that the run will use
    with files.scratch(place.resolve()) as folder, contextlib.redirect_stdout(sys.stderr):
        estimates = estimate(settings, workers or CPU_COUNT, folder)
    if as_json:
        print(json.dumps({row.stage: dataclasses.asdict(row) for row in estimates}))
        return
    show_table(*table(estimates))
    print(
        "\nDVC also keeps a copy of these files in its cache; the cache of results, up to "
        f"{LIMIT_BYTES / 1e9:.0f} GB, has links to them.\n"
        "Memory is that of the largest process; each worker is one process."
    )
