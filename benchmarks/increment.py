"""Time of ingest, trim and features after 1 % of the files came or went, as a share of a full run.

    python -m benchmarks.increment --hours 3
    python -m benchmarks.increment --hours 42 --work /somewhere/with/40/GB

The corpus is that of scale.py. Each case runs the stages corpus, ingest, trim and features, and compares every byte
with a run from an empty cache. Start-up is not counted: it is the time of the three stages on twenty recordings.
"""

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import scale
from pipeline.console import terminal

SHARE = 100  # one of so many files is new


def main() -> None:
    given = scale.arguments(__doc__, 3.0)
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
    full = scale.in_turn(project)
    new_files = written(project, [set(), set()])
    rows: list[list[object]] = [["from nothing", *map(round_s, full.values()), "100 %", *new_files]]

    def case(name: str, killed: bool = False) -> None:
        before = inodes(project)
        if killed:
            kill_in_the_middle(project)
        took = scale.in_turn(project)
        shutil.rmtree(fresh / "cache", ignore_errors=True)
        scale.in_turn(fresh)
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
    scale.in_turn(project)
    move(scattered, new, corpus)
    case("1 % scattered")
    shutil.rmtree(project / "cache")
    case("from nothing, killed in the middle", killed=True)
    print(f"{len(files):,} files; start-up of the three stages: {start:.1f} s")
    terminal.show_table(["case", *scale.STAGES, "of the full time", "containers written", "shards written"], rows)


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


def kill_in_the_middle(project: Path) -> None:
    """Run the stages, and kill each one with all its processes after some of its work."""
    for name in ("corpus", *scale.STAGES):
        running = scale.start(project, name)
        time.sleep(6)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            if scale.start(project, name).wait():
                sys.exit(f"stage {name} failed after it was killed")


def startup(folder: Path) -> float:
    """Seconds of the stages on twenty short recordings, with compiled code in the cache."""
    corpus = folder / "tiny"
    scale.build(corpus, 0.05, 0.0)
    project = scale.copy_project(folder / "tiny-project", corpus)
    scale.in_turn(project)
    return sum(scale.in_turn(project).values())


def digests(project: Path) -> dict[str, str]:
    artifacts = project / "artifacts"
    files = [path for name in ("ingest", "audio", "trim", "features.zarr") for path in (artifacts / name).rglob("*")]
    return {
        path.relative_to(artifacts).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def inodes(project: Path) -> list[set[int]]:
    """The files of containers, and of shards."""
    patterns = ("audio/*.wav", "features.zarr/mfcc/c/*/*")
    return [{path.stat().st_ino for path in (project / "artifacts").glob(pattern)} for pattern in patterns]


def written(project: Path, before: list[set[int]]) -> list[str]:
    """The number of containers, and of shards, that are not the same files as before."""
    return [f"{len(now - old)} of {len(now)}" for now, old in zip(inodes(project), before, strict=True)]


def round_s(seconds: float) -> str:
    return f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
