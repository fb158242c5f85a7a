"""Time that ingest takes for each of many short files, beyond decoding them.

    python -m benchmarks.short_files --files 20000

The reference reads the same files with soundfile in as many processes, in the same run. The stage starts its cluster,
lists, decodes, resamples, measures, fingerprints and writes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import yaml

from pipeline.console import terminal

ROOT = Path(__file__).parents[1]
RATE_HZ = 16_000
LANGUAGES = ("english", "hindi", "mandarin")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        build(work / "corpus", given.files, given.seconds)
        decoded_s = decode_all(work / "corpus", cores)
        ingested_s = ingest(work)
    overhead_ms = (ingested_s - decoded_s) / given.files * 1000
    terminal.show_table(
        ["files", "decoding, s", "stage ingest, s", f"beyond decoding, ms per file on {cores} cores"],
        [[f"{given.files:,}", f"{decoded_s:.1f}", f"{ingested_s:.1f}", f"{overhead_ms:.2f}"]],
    )


def build(root: Path, count: int, seconds: float) -> None:
    """Write short files of noise that no two share."""
    rng = np.random.default_rng(0)
    for number in range(count):
        folder = root / LANGUAGES[number % len(LANGUAGES)] / f"s{number // 200}"
        folder.mkdir(parents=True, exist_ok=True)
        sound = rng.integers(-9000, 9000, round(seconds * RATE_HZ), np.int16)
        soundfile.write(folder / f"{number:06d}.wav", sound, RATE_HZ)


def decode_all(root: Path, cores: int) -> float:
    """Seconds to decode all files."""
    files = sorted(map(str, root.rglob("*.wav")))
    began = time.perf_counter()
    with ProcessPoolExecutor(cores) as processes:
        list(processes.map(decode, [files[core::cores] for core in range(cores)]))
    return time.perf_counter() - began


def decode(files: list[str]) -> int:
    """Decode files; the number of samples."""
    return sum(len(soundfile.read(file, dtype="float32")[0]) for file in files)


def ingest(work: Path) -> float:
    """Seconds of the stage."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    tree["corpus"] |= {"root": str(work / "corpus"), "speaker_pattern": r"(?P<speaker>s\d+)/"}
    (work / "params.yaml").write_text(yaml.safe_dump(tree))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "stages.ingest"], cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
