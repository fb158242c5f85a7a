"""Speed of `lid identify` on hours of files, in one process and in two, and its answers next to those of the stream.

    python -m benchmarks.identify --hours 10

Needs artifacts/streaming and the demo corpus, which `dvc repro` writes. The files are those of scale.py. The stream is
LiteRT's, in chunks of a tenth of a second, on some of them.
"""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import scale
from pipeline.streaming.identifier import Identifier

MODEL = scale.ROOT / "artifacts" / "streaming"
STREAMED = 100  # files


def main() -> None:
    given = scale.arguments(__doc__, 1.0)
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        corpus = Path(folder) / "corpus"
        audio_s = scale.build(corpus, given.hours, 0.0)
        taken = {jobs: identify(corpus, Path(folder) / f"{jobs}.csv", jobs) for jobs in (1, 2)}
        if (Path(folder) / "1.csv").read_bytes() != (Path(folder) / "2.csv").read_bytes():
            sys.exit("two processes give other answers than one")
        for jobs, seconds in taken.items():
            print(
                f"-j {jobs}  {seconds:6.1f} s  {audio_s / seconds:6,.0f} x real time  {taken[1] / seconds:.2f} x -j 1"
            )
        compare(Path(folder) / "1.csv")


def identify(corpus: Path, table: Path, jobs: int) -> float:
    """Seconds of the command, start included."""
    words = ["identify", "--model", MODEL, "-j", jobs, "--csv", table, corpus]
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    start = time.perf_counter()
    subprocess.run(command, cwd=scale.ROOT, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def compare(table: Path) -> None:
    """Compare answers with those of the stream."""
    with table.open() as file:
        rows = list(csv.DictReader(file))
    first, seconds, audio_s, differences = Identifier.load(MODEL), 0.0, 0.0, []
    for row in rows[:: max(1, len(rows) // STREAMED)]:
        samples, rate = soundfile.read(row["path"], dtype="float32")
        stream, start = first.stream(rate), time.perf_counter()
        for at in range(0, len(samples), rate // 10):
            stream.accept(samples[at : at + rate // 10])
        stream.finish()
        seconds, audio_s = seconds + time.perf_counter() - start, audio_s + len(samples) / rate
        if (stream.decision.language or "") != row["language"]:
            sys.exit(f"{row['path']}: the stream says {stream.decision.language}, not {row['language']}")
        if stream.decision.frames:
            found = [float(row[name]) for name in stream.description.classes]
            differences.append(np.abs(stream.decision.posteriors - found).max())
    print(f"stream           {audio_s / seconds:6,.0f} x real time, decoding not included")
    print(f"{len(differences)} answers equal those of the stream, posteriors within {max(differences):.1g}")


if __name__ == "__main__":
    main()
