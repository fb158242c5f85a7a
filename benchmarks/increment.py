"""Time of ingest, trim and features after 1 % of the files came or went, as a share of a full run.

    python benchmarks/increment.py --hours 3
    python benchmarks/increment.py --hours 42 --work /somewhere/with/40/GB

The corpus is that of scale.py. Each case runs the stages corpus, ingest, trim and features, and compares every byte
with a run from an empty cache. Start-up is not counted: it is the time of the three stages on twenty recordings.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import scale
from pipeline.console import terminal

STAGES = ("ingest", "trim", "features")
SHARE = 100  # one of so many files is new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--work", type=Path, help="folder on a disk with enough space")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        measure(Path(folder), given.hours)


def measure(folder: Path, hours: float) -> None:
    corpus, new = folder / "corpus", folder / "new"
    scale.build(corpus, hours, 0.0)
    files = sorted(corpus.rglob("*.flac"))
    project, fresh = (scale.copy_project(folder / name, corpus) for name in ("project", "fresh"))
    start = startup(folder)
    together, scattered = folder_of_each_language(files), files[SHARE // 2 :: SHARE]

    move(together, corpus, new)
    full = run(project)
    rows: list[list[object]] = [["from nothing", *map(round_s, full.values()), "100 %", *written(project, None)]]

    def case(name: str, killed: bool = False) -> None:
        before = inodes(project)
        if killed:
            kill_in_the_middle(project)
        took = run(project)
        shutil.rmtree(fresh / "cache", ignore_errors=True)
        run(fresh)
        if digests(project) != digests(fresh):
            sys.exit(f"{name}: the bytes differ from a run from nothing")
        share = (sum(took.values()) - start) / (sum(full.values()) - start)
        rows.append([name, *map(round_s, took.values()), f"{share:.0%}", *written(project, before)])

    move(together, new, corpus)
    case("1 % in folders of their own")
    move(together, corpus, new)
    case("the same removed")
    move(together, new, corpus)
    shutil.rmtree(project / "cache")
    move(scattered, corpus, new)
    run(project)
    move(scattered, new, corpus)
    case("1 % scattered")
    shutil.rmtree(project / "cache")
    case("from nothing, killed in the middle", killed=True)
    print(f"{len(files):,} files; start-up of the three stages: {start:.1f} s")
    terminal.show_table(["case", *STAGES, "of the full time", "containers written", "shards written"], rows)


def folder_of_each_language(files: list[Path]) -> list[Path]:
    """The last hundredth of each language's files, which sort together."""
    languages = sorted({path.parent for path in files})
    found = []
    for language in languages:
        mine = [path for path in files if path.parent == language]
        found += mine[-max(1, len(mine) // SHARE) :]
    return found


def move(files: list[Path], source: Path, target: Path) -> None:
    for path in files:
        name = path.relative_to(files[0].parents[1])
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).rename(target / name)


def stage(project: Path, name: str) -> subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    command = [sys.executable, "-m", f"stages.{name}"]
    return subprocess.Popen(command, cwd=project, env=scale.environment(project), stdout=null, start_new_session=True)


def run(project: Path) -> dict[str, float]:
    """Seconds of each stage."""
    seconds = {}
    for name in ("corpus", *STAGES):
        began = time.monotonic()
        if stage(project, name).wait():
            sys.exit(f"stage {name} failed")
        seconds[name] = time.monotonic() - began
    del seconds["corpus"]
    return seconds


def kill_in_the_middle(project: Path) -> None:
    """Run the stages, and kill each one with all its processes after some of its work."""
    for name in ("corpus", *STAGES):
        running = stage(project, name)
        time.sleep(6)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            if stage(project, name).wait():
                sys.exit(f"stage {name} failed after it was killed")


def startup(folder: Path) -> float:
    """Seconds of the stages on twenty short recordings, with compiled code in the cache."""
    corpus = folder / "tiny"
    scale.build(corpus, 0.05, 0.0)
    project = scale.copy_project(folder / "tiny-project", corpus)
    run(project)
    return sum(run(project).values())


def digests(project: Path) -> dict[str, str]:
    artifacts = project / "artifacts"
    files = [path for name in ("ingest", "audio", "trim", "features.zarr") for path in (artifacts / name).rglob("*")]
    return {
        path.relative_to(artifacts).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def inodes(project: Path) -> set[int]:
    return {path.stat().st_ino for path in data_files(project)}


def data_files(project: Path) -> list[Path]:
    artifacts = project / "artifacts"
    return [*artifacts.glob("audio/*.wav"), *artifacts.glob("features.zarr/mfcc/c/*/*")]


def written(project: Path, before: set[int] | None) -> list[str]:
    """The number of containers, and of shards, that are not the same files as before."""
    files = data_files(project)
    counts = []
    for ending in (".wav", ""):
        mine = [path for path in files if path.suffix == ending]
        new = [path for path in mine if before is None or path.stat().st_ino not in before]
        counts.append(f"{len(new)} of {len(mine)}")
    return counts


def round_s(seconds: float) -> str:
    return f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
