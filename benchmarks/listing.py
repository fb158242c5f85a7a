"""How fast a corpus is listed and checked, against a bare loop over the same files in the same run.

    python benchmarks/listing.py --rows 1000000 --files 100000

Each listing runs in a process of its own, whose memory is shown. The files are empty: nothing opens them.
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

from pipeline import params
from pipeline.console import terminal
from pipeline.corpus import layouts

LANGUAGES = ("english", "hindi")
TOGETHER = 1000  # files in a folder
SETTINGS = {"languages": LANGUAGES, "speaker_table": None, "speaker_pattern": None, "max_rejected": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of metadata.csv")
    parser.add_argument("--files", type=int, default=100_000, help="in the folders layout")
    parser.add_argument("--work", type=Path, help="a folder for the corpus; default: the system's for temporary files")
    given = parser.parse_args()
    lines = []
    for layout, number, bare in (("table", given.rows, bare_table), ("folders", given.files, bare_folders)):
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            root = Path(folder)
            build(root, number)
            changes = {"speaker_pattern": r"(?P<speaker>\d+)/[^/]+$"} if layout == "folders" else {}
            settings = params.Corpus(**SETTINGS | {"root": folder, "layout": layout} | changes)
            alone(bare, root)  # the first to ask for the files waits for the disk
            _, plain, _ = alone(bare, root)
            seconds, cpu, memory = alone(whole, settings)
        lines.append(
            [layout, f"{number:,}", f"{seconds:.1f}", f"{cpu:.1f}", f"{memory / 1e6:.0f}", f"{cpu / plain:.1f}"]
        )
    terminal.show_table(["layout", "recordings", "s", "CPU s", "MB", "CPU, x bare loop"], lines)


def build(root: Path, number: int) -> None:
    """Write empty recordings of two languages, and the table that lists them."""
    with (root / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "language", "speaker", "source"])
        for at in range(number):
            which = at // TOGETHER
            language = LANGUAGES[which % len(LANGUAGES)]
            folder = f"train_{language}/{which:04d}"
            if at % TOGETHER == 0:
                (root / folder).mkdir(parents=True)
            path = f"{folder}/{at:07d}.wav"
            os.close(os.open(root / path, os.O_CREAT | os.O_WRONLY))
            table.writerow([path, language, f"speaker {which}", "read"])


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


def whole(settings: params.Corpus) -> None:
    listing = layouts.read(settings)
    layouts.check(listing.entries, listing.rejected, settings)


def alone(work: Callable, given: object) -> tuple[float, float, int]:
    """Seconds and CPU seconds that a function takes in a new process, and the most memory that this has, bytes."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(timed, work, given).result()


def timed(work: Callable, given: object) -> tuple[float, float, int]:
    began, used = time.perf_counter(), time.process_time()
    work(given)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    with Path("/proc/self/status").open(encoding="ascii") as file:
        return seconds, cpu, next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
