"""Time to list and check a corpus, relative to a bare loop over the same files in the same run.

    python -m benchmarks.listing --rows 1000000 --files 100000

Each listing runs in its own process, whose peak memory is shown. The files are empty, because nothing opens them.
"""

import argparse
import csv
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from pipeline import params
from pipeline.console import terminal
from pipeline.corpus import layouts

LANGUAGES = ("english", "hindi")
FILES_PER_FOLDER = 1000
Measured = tuple[float, float, int]  # seconds, CPU seconds, peak memory in bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of metadata.csv")
    parser.add_argument("--files", type=int, default=100_000, help="in the folders layout")
    parser.add_argument("--work", type=Path, help="folder for the corpus; default: the system's temporary folder")
    given = parser.parse_args()
    lines = [
        measure("table", given.rows, bare_table, given.work),
        measure("folders", given.files, bare_folders, given.work),
    ]
    terminal.show_table(["layout", "recordings", "s", "CPU s", "MB", "CPU, x bare loop"], lines)


def measure(layout: params.Layout, count: int, bare: Callable[[Path], None], work: Path | None) -> list[str]:
    """List this number of recordings in a layout; return the row of the table."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        root = Path(folder)
        build(root, count)
        corpus = params.Corpus.plain(root, layout, LANGUAGES, speaker_pattern=r"(?P<speaker>\d+)/[^/]+$")
        in_new_process(bare, root)  # warm-up: the first access to the files waits for the disk
        _, bare_cpu_s, _ = in_new_process(bare, root)
        elapsed_s, cpu_s, memory_bytes = in_new_process(list_and_check, corpus)
    ratio = cpu_s / bare_cpu_s
    return [layout, f"{count:,}", f"{elapsed_s:.1f}", f"{cpu_s:.1f}", f"{memory_bytes / 1e6:.0f}", f"{ratio:.1f}"]


def build(root: Path, count: int) -> None:
    """Write empty recordings of two languages, and the table that lists them."""
    with (root / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "language", "speaker", "source"])
        for index in range(count):
            speaker = index // FILES_PER_FOLDER
            language = LANGUAGES[speaker % len(LANGUAGES)]
            folder = f"train_{language}/{speaker:04d}"
            if index % FILES_PER_FOLDER == 0:
                (root / folder).mkdir(parents=True)
            path = f"{folder}/{index:07d}.wav"
            os.close(os.open(root / path, os.O_CREAT | os.O_WRONLY))
            table.writerow([path, language, f"speaker {speaker}", "read"])


def bare_table(root: Path) -> None:
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row[0].endswith(".wav"):
                os.lstat(f"{root}/{row[0]}")


def bare_folders(root: Path | str) -> None:
    with os.scandir(root) as found:
        for entry in found:
            if entry.is_dir():
                bare_folders(entry.path)
            else:
                entry.stat(follow_symlinks=False)


def list_and_check(corpus: params.Corpus) -> None:
    listing = layouts.read(corpus)
    layouts.check(listing.entries, listing.rejected, corpus, listing.skipped)


def in_new_process(function: Callable[[Any], None], argument: object) -> Measured:
    """Measure a function in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(timed, function, argument).result()


def timed(function: Callable[[Any], None], argument: object) -> Measured:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    function(argument)
    elapsed_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    with Path("/proc/self/status").open(encoding="ascii") as file:
        return elapsed_s, cpu_s, next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
