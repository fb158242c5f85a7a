"""Time and size of every export of a finished run, and of checking it again.

    python -m benchmarks.export                       # the run in artifacts/
    python -m benchmarks.export --artifacts DIR       # another one

Each format is written as `lid export` does without options: the first four refer to parts of artifacts/audio, the
others hold every recording as FLAC.
"""

import argparse
import contextlib
import io
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from pipeline.console.terminal import show_table
from pipeline.exchange.folder import Export
from pipeline.exchange.formats import FORMATS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    artifacts = parser.parse_args().artifacts
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for name, how in FORMATS.items():
            if name == "parquet" and find_spec("pyarrow") is None:
                continue
            export = Export(name, Path(folder) / name, "containers" if how.reads == "parts" else "flac", artifacts)
            times = []
            for work in (export.write, export.verify):
                began = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):  # its progress
                    work()
                times.append(f"{time.perf_counter() - began:.1f} s")
            found = [path.stat().st_size for path in export.out.rglob("*") if path.is_file()]
            rows.append([name, export.audio, f"{len(found):,}", f"{sum(found) / 1e6:.1f} MB", *times])
    show_table(["format", "audio", "files", "size", "written in", "verified in"], rows)


if __name__ == "__main__":
    main()
