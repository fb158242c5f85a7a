"""Speed, memory and parallel efficiency of ingest, trim and features at any size, next to the estimates of `lid plan`.

    python -m benchmarks.scale --hours 2 10 42
    python -m benchmarks.scale --hours 1 --longest 10    # with one recording of ten hours

The corpus is the demo corpus that `dvc repro` synthesises, as FLAC files of two recordings, 10 s, repeated at different
levels up to the requested hours, with the homework's proportions of the languages. Each size runs `dvc repro features`
in a copy of the project, with an empty cache, on one core and on two. During the run, 42 hours need 30 GB of disk in
--work.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
import yaml

from pipeline.console import terminal

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "artifacts" / "data" / "demo"
MINUTES = {"english": 1271, "hindi": 347, "mandarin": 893}  # in the homework's corpus
STAGES = ("ingest", "trim", "features")
OTHERS = ("versions", "demo", "corpus")  # that run before them
ALL = tuple(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
LOOP_S = 1200  # of audio for the librosa loop
RECORDING_S = 10  # of audio per recording, approximately
POLL_INTERVAL_S = 0.25


@dataclass
class Measured:
    """One `dvc repro features`: seconds of each stage, in total and again, and the largest process of each in MB."""

    total: float = 0.0
    no_op: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def dvc(self) -> float:
        return self.total - sum(self.seconds.values())

    @property
    def others(self) -> float:
        return sum(self.seconds.get(stage, 0.0) for stage in OTHERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[2.0])
    parser.add_argument("--longest", type=float, default=0.0, help="hours of one additional recording")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--work", type=Path, help="folder on a disk with enough space; default: the system's temporary folder"
    )
    given = parser.parse_args()
    if not DEMO.is_dir():
        sys.exit("error: there is no demo corpus; run `dvc repro` first")
    for hours in given.hours:
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            measure(Path(folder), hours, given.longest, given.cores)


def arguments(doc: str | None, hours: float) -> argparse.Namespace:
    """The options of a benchmark on this corpus."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--hours", type=float, default=hours)
    parser.add_argument("--work", type=Path, help="folder on a disk with enough space")
    return parser.parse_args()


def measure(folder: Path, hours: float, longest: float, cores: list[int]) -> None:
    seconds = build(folder / "corpus", hours, longest)
    loop = librosa_loop(folder / "corpus", "flac")
    print(f"\n{seconds / 3600:.1f} hours; librosa in a loop, one process: {loop:,.0f} x real time", flush=True)
    totals = {}
    for count in cores:
        project = copy_project(folder / f"project-{count}", folder / "corpus")
        estimates = estimate(project, count)
        done = run(project, count)
        totals[count] = done
        show(done, estimates, project, seconds, loop, count)
        if count == max(cores):
            wav = librosa_loop(project / "artifacts" / "audio", "wav")
            speed = seconds / done.seconds["features"]
            print(
                f"librosa in a loop over the WAV that features reads: {wav:,.0f} x; features {speed / wav:.2f} x that"
            )
        shutil.rmtree(project)
    if 1 in totals:
        for count in cores[1:]:
            shares = {name: totals[1].seconds[name] / totals[count].seconds[name] / count for name in STAGES}
            print(
                f"parallel efficiency on {count}: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            )


def build(folder: Path, hours: float, longest: float) -> float:
    """Write the corpus and return its length in seconds."""
    rng = np.random.default_rng(0)
    table, seconds = [("path", "speaker")], 0.0
    with (DEMO / "speakers.csv").open() as file:
        speakers = {row["path"]: row["speaker"] for row in csv.DictReader(file)}
    for language, minutes in MINUTES.items():
        (folder / f"train_{language}").mkdir(parents=True)
        wanted = hours * 3600 * minutes / sum(MINUTES.values())
        sources = [path for path in speakers if path.startswith(f"train_{language}/")]
        sounds = {path: soundfile.read(DEMO / path, dtype="int16") for path in sources}
        had, number = 0.0, 0
        while had < wanted:
            first, second = (sources[(2 * number + more) % len(sources)] for more in (0, 1))
            rate = sounds[first][1]
            samples = np.concatenate([sounds[first][0], sounds[second][0]])
            path = f"train_{language}/{number:06d}.flac"
            louder = rng.uniform(0.3, 1.0)
            soundfile.write(folder / path, (samples * louder).astype(np.int16), rate)
            table.append((path, f"{speakers[first]}_{2 * number // len(sources)}"))
            had += len(samples) / rate
            number += 1
        seconds += had
        if longest and language == "english":
            path = f"train_{language}/longest.flac"
            table.append((path, "somebody"))
            with soundfile.SoundFile(folder / path, "w", rate, 1) as file:
                written = 0
                while written < longest * 3600 * rate:
                    samples = sounds[sources[written % len(sources)]][0]
                    file.write(samples)
                    written += len(samples)
                seconds += written / rate
    with (folder / "speakers.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
    return seconds


def librosa_loop(folder: Path, ending: str) -> float:
    """Seconds of audio per second of a plain loop over some of the same files, in a new process."""
    files = sorted(map(str, folder.rglob(f"*[0-9a-f].{ending}")))
    chosen = np.random.default_rng(1).permutation(files)[: LOOP_S // RECORDING_S].tolist()
    code = """
import json, sys, time
import librosa
from threadpoolctl import threadpool_limits
files = json.load(sys.stdin)
def features(file):
    samples, rate = librosa.load(file, sr=16000)
    librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=64, n_fft=400, hop_length=160, n_mels=64)
    return len(samples) / rate
with threadpool_limits(1):
    features(files[0])
    began = time.perf_counter()
    seconds = sum(features(file) for file in files)
    print(seconds / (time.perf_counter() - began))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(chosen), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def copy_project(folder: Path, corpus: Path | None = None) -> Path:
    """Copy the project to a folder as a repository without results; name its corpus, if it has another one."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", ".venv", "artifacts", "*.lock", ".dvc"))
    for command in ("git init -q", "dvc init -q"):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
    if corpus:
        set_corpus(folder, root=str(corpus))
    return folder


def set_corpus(project: Path, **values: Any) -> None:
    """Change values of the section corpus in params.yaml."""
    parameters = yaml.safe_load((project / "params.yaml").read_text())
    parameters["corpus"] |= values
    (project / "params.yaml").write_text(yaml.safe_dump(parameters))


def environment(project: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(project), "XDG_CACHE_HOME": str(project / "cache")}


def start(project: Path, stage: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start a stage without DVC."""
    command, env = [sys.executable, "-m", f"stages.{stage}"], environment(project) | variables
    return subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.DEVNULL, start_new_session=True)


def in_turn(project: Path) -> dict[str, float]:
    """Run versions, corpus and the three stages without DVC; the seconds of each of the three."""
    took = {}
    for stage in ("versions", "corpus", *STAGES):
        began = time.perf_counter()
        if start(project, stage).wait():
            sys.exit(f"stage {stage} failed")
        took[stage] = time.perf_counter() - began
    return {stage: took[stage] for stage in STAGES}


def estimate(project: Path, cores: int) -> dict[str, dict[str, float]]:
    """The estimates of `lid plan`, by stage."""
    command = ["lid", "plan", "--json", "--workers", str(cores)]
    done = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True, check=True)
    estimates: dict[str, dict[str, float]] = json.loads(done.stdout)
    return estimates


def run(project: Path, cores: int, target: str = "features") -> Measured:
    """Run `dvc repro` up to a stage on this many cores and watch its processes."""
    done = Measured()
    with (project / "output").open("w") as output:
        began = time.monotonic()
        process = psutil.Popen(
            ["dvc", "repro", target],
            cwd=project,
            env=environment(project),
            stdout=output,
            stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
        )
        first: dict[str, float] = {}
        while process.poll() is None:
            watch(process, first, done)
            time.sleep(POLL_INTERVAL_S)
        done.total = time.monotonic() - began
    if process.returncode:
        sys.exit((project / "output").read_text())
    began = time.monotonic()
    command = ["dvc", "repro", target]
    subprocess.run(command, cwd=project, env=environment(project), check=True, capture_output=True)
    done.no_op = time.monotonic() - began
    return done


def watch(process: psutil.Popen, first: dict[str, float], done: Measured) -> None:
    """Record which stage runs, and the memory of each of its processes."""
    now = time.monotonic()
    try:
        family = process.children(recursive=True)
        stages = {child.pid: stage for child in family for stage in ALL if f"stages.{stage}" in child.cmdline()}
        for stage in set(stages.values()):
            done.seconds[stage] = now - first.setdefault(stage, now) + POLL_INTERVAL_S  # half before, half after
            done.memory[stage] = max(done.memory.get(stage, 0), *(peak(child.pid) for child in family))
    except psutil.NoSuchProcess:
        pass


def peak(process: int) -> float:
    """Return the peak memory of a process, in MB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def show(
    done: Measured, estimates: dict[str, dict[str, float]], project: Path, seconds: float, loop: float, cores: int
) -> None:
    folders = {"ingest": ("ingest", "audio"), "trim": ("trim",), "features": ("features.zarr",)}
    lines = []
    for stage in STAGES:
        paths = [path for name in folders[stage] for path in (project / "artifacts" / name).rglob("*")]
        sizes = [path.stat().st_size for path in paths if path.is_file()]
        took, estimated = done.seconds[stage], estimates[stage]
        shown = {
            "seconds": f"{took:,.1f}",
            "estimated s": f"{estimated['seconds']:,.1f}",
            "x real time": f"{seconds / took:,.0f}",
            "x librosa": f"{seconds / took / loop:,.2f}",
            "MB": f"{sum(sizes) / 1e6:,.0f}",
            "estimated MB": f"{estimated['bytes'] / 1e6:,.0f}",
            "files": f"{len(sizes):,}",
            "estimated files": f"{estimated['files']:,.0f}",
            "peak MB": f"{done.memory[stage]:,.0f}",
            "estimated peak MB": f"{estimated['memory'] / 1e6:,.0f}",
        }
        lines.append([stage, *shown.values()])
    took = sum(done.seconds[stage] for stage in STAGES)
    estimated_s = sum(stage["seconds"] for stage in estimates.values())
    lines.append(["together", f"{took:.1f}", f"{estimated_s:.1f}", f"{seconds / took:,.0f}", *[""] * 7])
    lines.append([", ".join(OTHERS), f"{done.others:.1f}", *[""] * 9])
    lines.append(["DVC itself", f"{done.dvc:.1f}", *[""] * 9])
    lines.append(["total", f"{done.total:.1f}", "", f"{seconds / done.total:,.0f}", *[""] * 7])
    lines.append(["run again", f"{done.no_op:.1f}", *[""] * 9])
    terminal.show_table([f"{cores} core(s)", *shown], lines)
    print(flush=True)


if __name__ == "__main__":
    main()
