"""A run resumes after any of its processes is killed, and ends with the same bytes."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import yaml

from tests.cluster.clusters import family, started
from tests.interrupts import heed_interrupts

ROOT = Path(__file__).parents[2]
MINUTES = 72  # of audio: about ten parts


class Run:
    """Stages in their own folder, with their own cache."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache

    def start(
        self, stage: str, environment: Mapping[str, str] | None = None, *, start_new_session: bool = False
    ) -> subprocess.Popen[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(self.cache), **(environment or {})}
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", f"stages.{stage}"]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=start_new_session,
            preexec_fn=heed_interrupts,
        )

    def finish(self, stage: str, environment: Mapping[str, str] | None = None) -> str:
        running = self.start(stage, environment)
        printed, complaint = running.communicate(timeout=120)
        assert running.returncode == 0, complaint
        return printed

    def entries(self) -> int:
        return sum(file.suffix != ".partial" for file in self.cache.rglob("*/parts/*/*"))

    def wait_for_entries(self, number: int, running: subprocess.Popen[str]) -> None:
        while self.entries() < number:
            assert running.poll() is None, running.communicate()
            time.sleep(0.002)

    def digests(self, name: str) -> dict[str, str]:
        folder = self.folder / "artifacts"
        return {
            file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in folder.glob(f"{name}*/**/*")
            if file.is_file()
        }


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ingested corpus of noise that is switched on and off."""
    folder = tmp_path_factory.mktemp("ingested")
    rng = np.random.default_rng(0)
    noise = rng.integers(-9000, 9000, 60 * 16000, np.int16)
    gates = [np.repeat(rng.random(120) < 0.6, 8000) for _ in range(MINUTES)]
    for number, gate in enumerate(gates):
        path = folder / "corpus" / f"{('one', 'two')[number % 2]}" / f"{number % 7}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(noise, number) * gate, 16000)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    tree["corpus"] |= {
        "root": str(folder / "corpus"),
        "languages": ["one", "two"],
        "speaker_pattern": r"(?P<speaker>\d)_\d+\.wav",
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))
    for stage in ("corpus", "ingest"):
        Run(folder, folder / "cache").finish(stage)
    return folder


@pytest.fixture(scope="module")
def whole(ingested: Path) -> Run:
    """An uninterrupted run of trim and features."""
    run = Run(ingested, ingested / "cache")
    for stage in ("trim", "features"):
        assert "reused" not in run.finish(stage)
    return run


@pytest.fixture
def fresh(whole: Run, tmp_path: Path) -> Callable[[str], Run]:
    """Make a copy of the run before a stage, with an empty cache."""

    def make(stage: str) -> Run:
        shutil.copytree(whole.folder, tmp_path / "run", ignore=shutil.ignore_patterns("corpus", "cache"))
        shutil.rmtree(tmp_path / "run" / "artifacts" / {"trim": "trim", "features": "features.zarr"}[stage])
        return Run(tmp_path / "run", tmp_path / "cache")

    return make


@pytest.mark.parametrize(("stage", "artifact"), [("trim", "trim"), ("features", "features.zarr")])
def test_a_killed_run(whole: Run, fresh: Callable[[str], Run], stage: str, artifact: str) -> None:
    run = fresh(stage)
    running = run.start(stage)
    run.wait_for_entries(2, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (run.folder / "artifacts" / artifact / "zarr.json").exists()  # nothing that looks complete
    done = run.entries()
    assert done >= 2
    printed = run.finish(stage)
    assert " reused" in printed
    assert run.digests(artifact) == whole.digests(artifact)


def test_a_stage_that_outlives_its_dvc_is_not_disturbed(whole: Run, fresh: Callable[[str], Run]) -> None:
    run = fresh("features")
    orphan = run.start("features")
    run.wait_for_entries(1, orphan)
    orphan.send_signal(signal.SIGSTOP)  # so that it still runs when the second starts
    second = run.start("features")
    _, complaint = second.communicate(timeout=60)
    orphan.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert "another process, maybe of a run that was killed, is writing into" in complaint
    assert orphan.wait(timeout=60) == 0
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_a_killed_worker(whole: Run, fresh: Callable[[str], Run], tmp_path: Path) -> None:
    run = fresh("features")
    with started(tmp_path, 2) as cluster:
        running = run.start("features", {"DASK_SCHEDULER_ADDRESS": cluster.address})
        run.wait_for_entries(1, running)
        cluster.workers[0].kill()  # its nanny, so that it is not restarted
        _, complaint = running.communicate(timeout=60)
    assert (running.returncode, complaint) == (0, "")
    assert run.digests("features.zarr") == whole.digests("features.zarr")


@pytest.mark.parametrize(("stage", "artifact"), [("trim", "trim"), ("features", "features.zarr")])
def test_workers_killed_and_replaced_three_times(
    whole: Run, fresh: Callable[[str], Run], tmp_path: Path, stage: str, artifact: str
) -> None:
    run = fresh(stage)
    with started(tmp_path, 2) as cluster:
        running = run.start(stage, {"DASK_SCHEDULER_ADDRESS": cluster.address})
        for number in range(3):
            run.wait_for_entries(1 + number, running)
            for process in family(cluster.workers[number].pid):  # the nanny first, which would restart the worker
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            cluster.add()
        _, complaint = running.communicate(timeout=100)
    assert (running.returncode, complaint) == (0, "")
    assert run.digests(artifact) == whole.digests(artifact)


def test_a_worker_that_is_stopped(whole: Run, fresh: Callable[[str], Run], tmp_path: Path) -> None:
    run = fresh("features")
    with started(tmp_path, 2) as cluster:
        running = run.start("features", {"DASK_SCHEDULER_ADDRESS": cluster.address})
        run.wait_for_entries(1, running)
        *_, stopped = family(cluster.workers[0].pid)
        stopped.suspend()
        _, complaint = running.communicate(timeout=120)
    assert (running.returncode, complaint) == (0, "")
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_ctrl_c_is_one_line(whole: Run, fresh: Callable[[str], Run]) -> None:
    run = fresh("features")
    running = run.start("features", start_new_session=True)
    run.wait_for_entries(5, running)  # the kernel, and at least one part
    os.killpg(running.pid, signal.SIGSTOP)  # on a busy machine it could finish while its processes are listed
    everyone = family(running.pid)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    os.killpg(running.pid, signal.SIGCONT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert re.fullmatch(r"interrupted; .*\n", complaint)
    _, left = psutil.wait_procs(everyone, timeout=10)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    assert " reused" in run.finish("features")
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_a_killed_scheduler(whole: Run, fresh: Callable[[str], Run], tmp_path: Path) -> None:
    run = fresh("features")
    (tmp_path / "first").mkdir()
    with started(tmp_path / "first", 2) as cluster:
        running = run.start("features", {"DASK_SCHEDULER_ADDRESS": cluster.address})
        run.wait_for_entries(2, running)
        cluster.scheduler.kill()
        _, complaint = running.communicate(timeout=60)
    assert running.returncode == 2, complaint
    assert complaint.startswith("error: the Dask scheduler at tcp://")
    assert complaint.count("\n") == 1
    # A worker may still finish its shard in a folder that the next run removes; it belongs to no store.
    assert not list((run.folder / "artifacts").glob("features.zarr*/zarr.json"))
    assert not (run.folder / "artifacts" / "features.zarr").exists()
    (tmp_path / "second").mkdir()
    with started(tmp_path / "second", 2) as cluster:
        printed = run.finish("features", {"DASK_SCHEDULER_ADDRESS": cluster.address})
    assert " reused" in printed
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_a_damaged_entry_is_computed_again(whole: Run, fresh: Callable[[str], Run]) -> None:
    run = fresh("features")
    run.finish("features")
    entry = max(run.cache.rglob("*/parts/*/*"), key=lambda path: path.stat().st_size)
    with entry.open("r+b") as file:
        file.seek(100_000)
        file.write(b"damage")
    printed = run.finish("features")
    assert re.search(r"^[1-9]\d* recordings new, \d+ reused$", printed, re.MULTILINE)
    assert run.digests("features.zarr") == whole.digests("features.zarr")
    assert f"0 recordings new, {MINUTES} reused" in run.finish("features")


def test_a_new_file_costs_the_part_that_it_is_in(whole: Run, tmp_path: Path) -> None:
    copies = []
    for name in ("known", "unknown"):
        shutil.copytree(whole.folder, tmp_path / name, ignore=shutil.ignore_patterns("artifacts"))
        tree = yaml.safe_load((tmp_path / name / "params.yaml").read_text())
        tree["corpus"]["root"] = "corpus"
        (tmp_path / name / "params.yaml").write_text(yaml.safe_dump(tree))
        noise = np.random.default_rng(1).integers(-9000, 9000, 16000, np.int16)
        soundfile.write(tmp_path / name / "corpus" / "one" / "3_900.wav", noise, 16000)
        copies.append(Run(tmp_path / name, tmp_path / name / "cache"))
    shutil.rmtree(copies[1].cache)
    printed = {stage: [run.finish(stage) for run in copies] for stage in ("corpus", "ingest", "trim", "features")}
    for stage, unit in (("ingest", "files"), ("trim", "recordings"), ("features", "recordings")):
        found = re.search(rf"^(\d+) {unit} new, (\d+) reused$", printed[stage][0], re.MULTILINE)
        assert found
        assert 1 <= int(found[1]) < MINUTES / 2
        assert int(found[1]) + int(found[2]) == MINUTES + 1
        assert "reused" not in printed[stage][1]
    for artifact in ("ingest", "audio", "trim", "features.zarr"):
        assert copies[0].digests(artifact) == copies[1].digests(artifact)
