"""A run resumes after any of its processes is killed, and ends with the same bytes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import yaml

from tests.cluster.clusters import Cluster, family, started
from tests.end_to_end.conftest import IN_ONE_PROCESS, ROOT
from tests.programs import digests, heed_interrupts

MINUTES = 72  # of audio: about ten parts


@dataclass(frozen=True)
class Run:
    """Stages in their own folder, with their own cache."""

    folder: Path
    cache: Path

    def start(self, *stages: str, on: Cluster | None = None) -> subprocess.Popen[str]:
        words = ["-m", f"stages.{stages[0]}"] if len(stages) == 1 else ["-c", IN_ONE_PROCESS, *stages]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(self.cache)}
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=env | ({"DASK_SCHEDULER_ADDRESS": on.address} if on else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )

    def finish(self, *stages: str, on: Cluster | None = None) -> str:
        return self.succeed(self.start(*stages, on=on))

    def succeed(self, running: subprocess.Popen[str]) -> str:
        printed, complaint = running.communicate(timeout=120)
        assert (running.returncode, complaint) == (0, "")
        return printed

    def entries(self) -> int:
        return sum(file.suffix != ".partial" for file in self.cache.rglob("*/parts/*/*"))

    def wait_for_entries(self, number: int, running: subprocess.Popen[str]) -> None:
        while self.entries() < number:
            assert running.poll() is None, running.communicate()
            time.sleep(0.002)

    def digests(self, *names: str) -> dict[str, str]:
        found = digests(self.folder / "artifacts")
        return {file: digest for file, digest in found.items() if file.startswith(names)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run up to features, on noise that is switched on and off."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(0)
    noise = rng.integers(-9000, 9000, 60 * 16000, np.int16)
    gates = [np.repeat(rng.random(120) < 0.6, 8000) for _ in range(MINUTES)]
    for number, gate in enumerate(gates):
        path = folder / "corpus" / f"{('one', 'two')[number % 2]}" / f"{number % 7}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(noise, number) * gate, 16000)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    pattern = r"(?P<speaker>\d)_\d+\.wav"
    tree["corpus"] |= {"root": "corpus", "languages": ["one", "two"], "speaker_pattern": pattern}
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))
    run = Run(folder, folder / "cache")
    assert "reused" not in run.finish("corpus", "ingest", "trim", "features")
    return run


@pytest.fixture
def before(whole: Run, tmp_path: Path) -> Callable[[str], Run]:
    """Make a copy of the run without the output of a stage, and with an empty cache."""

    def make(artifact: str) -> Run:
        ignored = shutil.ignore_patterns("corpus", "cache", artifact)
        shutil.copytree(whole.folder, tmp_path / "run", ignore=ignored, copy_function=os.link)
        return Run(tmp_path / "run", tmp_path / "cache")

    return make


@pytest.mark.parametrize(("stage", "artifact"), [("trim", "trim"), ("features", "features.zarr")])
def test_a_killed_run(whole: Run, before: Callable[[str], Run], stage: str, artifact: str) -> None:
    run = before(artifact)
    running = run.start(stage)
    run.wait_for_entries(2, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (run.folder / "artifacts" / artifact / "zarr.json").exists()  # nothing that looks complete
    assert run.entries() >= 2
    assert " reused" in run.finish(stage)
    assert run.digests(artifact) == whole.digests(artifact)


def test_a_stage_that_outlives_its_dvc_is_not_disturbed(whole: Run, before: Callable[[str], Run]) -> None:
    run = before("features.zarr")
    orphan = run.start("features")
    run.wait_for_entries(1, orphan)
    orphan.send_signal(signal.SIGSTOP)  # so that it still runs when the second starts
    second = run.start("features")
    _, complaint = second.communicate(timeout=60)
    orphan.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert "another process, maybe of a run that was killed, is writing into" in complaint
    run.succeed(orphan)
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_workers_that_are_stopped_or_killed_and_replaced(
    whole: Run, before: Callable[[str], Run], tmp_path: Path
) -> None:
    run = before("features.zarr")
    with started(tmp_path, 2) as cluster:
        running = run.start("features", on=cluster)
        for number in range(4):
            run.wait_for_entries(1 + number, running)
            nanny, *worker = family(cluster.workers[number].pid)
            if number == 0:
                worker[-1].suspend()
            else:
                for process in [nanny] if number == 1 else [nanny, *worker]:  # the nanny would restart its worker
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            cluster.add()
        run.succeed(running)
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_ctrl_c_is_one_line_and_a_damaged_entry_is_computed_again(whole: Run, before: Callable[[str], Run]) -> None:
    run = before("features.zarr")
    running = run.start("features")
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
    assert {path.name for path in run.folder.iterdir()} == {"artifacts", "params.yaml"}
    assert " reused" in run.finish("features")
    assert run.digests("features.zarr") == whole.digests("features.zarr")

    entry = max(run.cache.rglob("*/parts/*/*"), key=lambda path: path.stat().st_size)
    with entry.open("r+b") as file:
        file.seek(100_000)
        file.write(b"damage")
    assert re.search(r"^[1-9]\d* recordings new, \d+ reused$", run.finish("features"), re.MULTILINE)
    assert run.digests("features.zarr") == whole.digests("features.zarr")
    assert f"0 recordings new, {MINUTES} reused" in run.finish("features")


def test_a_killed_scheduler(whole: Run, before: Callable[[str], Run], tmp_path: Path) -> None:
    run = before("features.zarr")
    (tmp_path / "first").mkdir()
    with started(tmp_path / "first", 2) as cluster:
        running = run.start("features", on=cluster)
        run.wait_for_entries(2, running)
        cluster.scheduler.kill()
        _, complaint = running.communicate(timeout=60)
    assert running.returncode == 2, complaint
    assert complaint.startswith("error: the Dask scheduler at tcp://")
    assert complaint.count("\n") == 1
    # A worker may still finish its shard in a folder that the next run removes; it belongs to no store.
    assert not list((run.folder / "artifacts").glob("features.zarr*/zarr.json"))
    assert not (run.folder / "artifacts" / "features.zarr").exists()
    assert " reused" in run.finish("features")
    assert run.digests("features.zarr") == whole.digests("features.zarr")


def test_a_new_file_costs_the_part_that_it_is_in(whole: Run, tmp_path: Path) -> None:
    printed, runs = [], []
    for name, ignored in (("known", ["artifacts"]), ("unknown", ["artifacts", "cache"])):
        folder = tmp_path / name
        shutil.copytree(whole.folder, folder, ignore=shutil.ignore_patterns(*ignored), copy_function=os.link)
        noise = np.random.default_rng(1).integers(-9000, 9000, 16000, np.int16)
        soundfile.write(folder / "corpus" / "one" / "3_900.wav", noise, 16000)
        runs.append(Run(folder, folder / "cache"))
        printed.append(runs[-1].finish("corpus", "ingest", "trim", "features"))
    counts = re.findall(r"^(\d+) (files|recordings) new, (\d+) reused$", printed[0], re.MULTILINE)
    assert [unit for _, unit, _ in counts] == ["files", "recordings", "recordings"]
    for new, _, reused in counts:
        assert 1 <= int(new) < MINUTES / 2
        assert int(new) + int(reused) == MINUTES + 1
    assert "reused" not in printed[1]
    artifacts = ("ingest", "audio", "trim", "features.zarr")
    assert runs[0].digests(*artifacts) == runs[1].digests(*artifacts)
