"""Estimates of stages: their figures, and the table of them."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Estimate:
    """Time, written bytes and files, and the memory of the largest process of one stage."""

    stage: str
    seconds: float
    bytes: float
    files: float
    memory: float  # bytes


def table(estimates: Sequence[Estimate]) -> tuple[list[str], list[list[object]]]:
    """Return the header and the rows of a table of estimates, with their sums."""
    seconds, written, files = (sum(getattr(row, name) for row in estimates) for name in ("seconds", "bytes", "files"))
    together = Estimate("together", seconds, written, files, max(row.memory for row in estimates))
    rows: list[list[object]] = []
    for row in [*estimates, together]:
        disk, memory = (f"{size / 1e6:,.0f} MB" for size in (row.bytes, row.memory))
        rows.append([row.stage, _time(row.seconds), disk, f"{row.files:,.0f}", memory])
    return ["stage", "time", "disk", "files", "memory"], rows


def _time(seconds: float) -> str:
    unit, factor, digits = ("s", 1, 0) if seconds < 120 else ("min", 60, 0) if seconds < 7200 else ("h", 3600, 1)
    return f"{seconds / factor:.{digits}f} {unit}"


def memory() -> int:
    """Return the peak memory of this process in bytes."""
    with suppress(FileNotFoundError), Path("/proc/self/status").open(encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    import resource  # elsewhere than on Linux

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
