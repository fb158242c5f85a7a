"""How far the stages are from what the hardware allows: each next to its own limit, in the same run.

    python -m benchmarks.limits --hours 3
    python -m benchmarks.limits --hours 42 --work FOLDER   # on a disk with 15 GB

The corpus is that of scale.py. A stage runs as `python -m stages.NAME` on two cores, with an empty cache, but with its
compiled code and the kernel's arrays in the caches, as after a first run. Its limit does only the part that can't be
left out, on the same audio and the same cores:

    ingest     decoding every file with soundfile, in two processes that have started
    trim       the sox program alone, on a WAV file per recording
    features   the MFCC kernel alone, on an hour of samples in the memory of each of two processes, scaled to the corpus
    train      model.fit on arrays in memory: seconds per epoch of three hours of noise, from training.py
    DVC        what `dvc repro features` takes beyond the stages, next to a `dvc repro features` that has nothing to do

`start` is the time until a worker takes the first task, on six recordings of a second.
"""

import csv
import itertools
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import first_task, scale, training
from pipeline import params
from pipeline.audio.samples import in_memory
from pipeline.cluster.worker import KEEP_MEMORY
from pipeline.console import terminal
from pipeline.mfcc import recording
from pipeline.mfcc.kernel import frame_count, make_kernel
from pipeline.silence.rule import DURATION_S

CORES = 2
SHORT_S = 1.0  # a recording of the corpus for `start`
ROUNDS = 5  # of `start`
KERNEL_S = 3600.0  # of audio in the memory of a process
TRAINING_HOURS = 3
CACHE = Path("cache", "lid-pipeline", "parts")  # in a project of scale.py


def main() -> None:
    given = scale.arguments(__doc__, 3.0)
    os.sched_setaffinity(0, range(CORES))
    with tempfile.TemporaryDirectory(dir=given.work) as name:
        folder = Path(name)
        seconds = scale.build(folder / "corpus", given.hours, 0.0)
        short(folder / "short")
        tiny = scale.copy_project(folder / "tiny", folder / "short")
        scale.in_turn(tiny)
        shutil.rmtree(tiny / CACHE)
        starts = first_tasks(tiny, folder)
        project = folder / "project"
        shutil.copytree(tiny, project)
        shutil.rmtree(project / "artifacts")
        shutil.rmtree(project / CACHE)
        scale.set_corpus(project, root=str(folder / "corpus"))
        took = scale.in_turn(project)
        limits = {
            "ingest": decoding(folder / "corpus"),
            "trim": sox(project, folder / "wavs"),
            "features": kernel(seconds),
        }
        loop = scale.librosa_loop(project / "artifacts" / "audio", "wav")
        rows: list[list[object]] = [
            [stage, f"{took[stage]:.1f}", f"{limit:.1f}", f"{took[stage] / limit:.2f}", f"{starts[stage]:.1f}"]
            for stage, limit in limits.items()
        ]
        (folder / "noise").mkdir()
        training.build(folder / "noise", TRAINING_HOURS)
        _, epoch_s = training.compare(folder / "noise", rounds=2)
        fit = [f"{epoch_s['pool']:.1f}", f"{epoch_s['arrays']:.1f}", f"{epoch_s['pool'] / epoch_s['arrays']:.2f}"]
        rows.append(["train, an epoch", *fit, ""])
        again = scale.copy_project(folder / "again", folder / "corpus")
        done = scale.run(again, CORES)
        rows.append(["DVC", f"{done.dvc:.1f}", f"{done.no_op:.1f}", f"{done.dvc / done.no_op:.2f}", ""])
        print(f"\n{seconds / 3600:.1f} hours on {CORES} cores")
        terminal.show_table(["", "s", "limit s", "x limit", "start s"], rows)
        print(f"features: {seconds / took['features'] / loop:.2f} x librosa in a loop over the same WAV files")


def short(folder: Path) -> None:
    """Two recordings of a second for each language."""
    for language in scale.MINUTES:
        (folder / f"train_{language}").mkdir(parents=True)
        sources = sorted((scale.DEMO / f"train_{language}").glob("*.wav"))[:2]
        for number, source in enumerate(sources):
            samples, rate = soundfile.read(source, dtype="int16")
            middle = len(samples) // 2
            part = samples[middle : middle + round(SHORT_S * rate)]
            soundfile.write(folder / f"train_{language}" / f"{number}.flac", part, rate)
    with (folder / "speakers.csv").open("w", newline="") as file:
        paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.flac"))
        csv.writer(file).writerows([("path", "speaker"), *((path, Path(path).stem) for path in paths)])


def first_tasks(project: Path, folder: Path) -> dict[str, float]:
    """Seconds from the start of each stage until a worker takes its first task; the mean of some runs."""
    starts: dict[str, list[float]] = {stage: [] for stage in scale.STAGES}
    for round_, stage in itertools.product(range(ROUNDS), scale.STAGES):
        file = folder / f"{stage}{round_}"
        preload = {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(Path(first_task.__file__)), first_task.VARIABLE: str(file)}
        began = time.time()
        if scale.start(project, stage, **preload).wait():
            sys.exit(f"stage {stage} failed")
        starts[stage].append(float(file.read_text()) - began)
    return {stage: statistics.mean(seconds) for stage, seconds in starts.items()}


def decoding(corpus: Path) -> float:
    """Seconds to decode every file in processes that have started."""
    files = sorted(map(str, corpus.rglob("*.flac")))
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:
        pool.map(time.sleep, [0.5] * CORES, chunksize=1)  # long enough for every process to take one
        began = time.perf_counter()
        pool.map(_decode, files, chunksize=16)
        return time.perf_counter() - began


def _decode(file: str) -> int:
    return len(soundfile.read(file, dtype="float32")[0])


def sox(project: Path, folder: Path) -> float:
    """Seconds of the program on every recording."""
    folder.mkdir()
    with (project / "artifacts" / "ingest" / "recordings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    settings = params.load(project / "params.yaml")
    for row in rows:
        source = project / "artifacts" / "audio" / row["file"]
        samples, _ = soundfile.read(source, int(row["samples"]), int(row["first_sample"]), dtype="int16")
        soundfile.write(folder / f"{row['recording']}.wav", samples, settings.audio.sample_rate)
    threshold = settings.silence.threshold
    effect = f"silence 1 {DURATION_S} {threshold}% -1 {DURATION_S} {threshold}%".split()

    def run(file: Path) -> None:
        command = ["sox", "-D", "-V1", str(file), "-t", "s16", "-", *effect]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    files = sorted(folder.iterdir())
    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(run, files))
    return time.perf_counter() - began


def kernel(seconds: float) -> float:
    """Seconds of the MFCC kernel for so many seconds of audio, from up to an hour per process."""
    each = min(seconds / CORES, KERNEL_S)
    os.environ.update(KEEP_MEMORY)  # as in the workers
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:
        took = pool.map(_kernel, itertools.repeat(each, CORES), chunksize=1)
    return max(took) * seconds / CORES / each


def _kernel(seconds: float) -> float:
    from threadpoolctl import threadpool_limits

    settings = params.load(Path("params.yaml"))
    made = make_kernel(settings.mfcc, settings.audio.sample_rate)
    n_samples = round(seconds * settings.audio.sample_rate)
    samples = np.random.default_rng(0).integers(-8000, 8000, n_samples, np.int16)
    count = frame_count(n_samples, settings.mfcc.hop_length)
    with threadpool_limits(1):
        recording.compute(made, in_memory(samples[:16_000]), 16_000, 0, 100)
        began = time.perf_counter()
        recording.compute(made, in_memory(samples), n_samples, 0, count)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
