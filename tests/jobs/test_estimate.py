"""Estimates for a corpus match what its stages then write; times are scaled from given timings."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import CorpusError
from pipeline.jobs import estimate
from pipeline.jobs.estimate import Done, Estimate, Trial

ROOT = Path(__file__).parents[2]
FOLDERS = {"ingest": ("ingest", "audio"), "trim": ("trim",), "features": ("features.zarr",)}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 recordings of 2 to 20 s of two languages."""
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "corpus" / ("english", "hindi")[number % 2] / f"s{number % 8}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        gate = np.repeat(rng.random(2 + number % 19) < 0.7, 16000)
        soundfile.write(path, rng.normal(0, 0.05, len(gate)) * gate + 1e-4, 16000)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    tree["corpus"] |= {"root": "corpus", "languages": ["english", "hindi"], "speaker_pattern": r"(?P<speaker>s\d)_"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def written(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files of a stage."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files), len(files)


@pytest.mark.slow
def test_disk_and_files_are_those_of_the_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "SAMPLE_S", 60)  # so that half of the corpus stands for all of it
    estimates = estimate.estimate(params.load(Path("params.yaml")), 2, project / "place")
    assert [row.stage for row in estimates] == list(FOLDERS)
    for row in estimates:
        subprocess.run([sys.executable, "-m", f"stages.{row.stage}"], check=True, capture_output=True)
        sizes = [written(project / "artifacts" / name) for name in FOLDERS[row.stage]]
        assert row.files == sum(number for _, number in sizes)
        if row.stage != "trim":
            assert row.bytes == pytest.approx(sum(size for size, _ in sizes), rel=0.1)
        assert row.seconds > 0


@pytest.mark.slow
def test_the_command_prints_every_estimate_and_leaves_nothing(project: Path) -> None:
    done = subprocess.run(["lid", "plan", "--json", "--workers", "3"], capture_output=True, text=True, check=True)
    estimates = json.loads(done.stdout)
    assert list(estimates) == list(FOLDERS)
    for row in estimates.values():
        assert set(row) == {field.name for field in dataclasses.fields(Estimate)}
        assert 20e6 < row["memory"] < 1e9
    assert not list((project / "artifacts").iterdir())


seconds = st.floats(0, 1e6)


@given(st.lists(st.tuples(st.integers(1, 8), seconds), min_size=1), seconds)
def test_seconds_around_the_tasks_are_those_in_which_no_process_was_busy(
    tasks: list[tuple[int, float]], idle: float
) -> None:
    done = [Done(number, process, took, 0) for number, (process, took) in enumerate(tasks)]
    work = sum(took for _, took in tasks)
    busy = work / len({process for process, _ in tasks})
    trial = Trial.of(done, busy + idle)
    assert trial.results == list(range(len(tasks)))
    assert trial.work == pytest.approx(work)
    assert trial.start == pytest.approx(idle, abs=1e-6)


@given(seconds, seconds, st.floats(1, 1e4), st.integers(1, 10**4))
def test_the_work_grows_with_the_audio_and_is_divided_among_the_workers(
    work: float, start: float, share: float, workers: int
) -> None:
    trial = Trial([], work, start, 0)
    around = trial.seconds(0, workers)
    assert around == trial.seconds(0, 1) >= start
    assert trial.seconds(share, workers) - around == pytest.approx(work * share / workers, abs=1e-6)


def test_an_item_that_failed_counts_for_nothing() -> None:
    done = [Done("a", 7, 2.0, 10**12), Done("failed", 0, 0.0, 0)]
    assert Trial.of(done, 3.0) == Trial(["a", "failed"], 2.0, 1.0, 10**12)


@pytest.mark.slow
def test_a_corpus_without_usable_recordings_is_refused(project: Path) -> None:
    for path in (project / "corpus").rglob("*.wav"):
        path.write_text("no audio")
    with pytest.raises(CorpusError, match="none of 40 files tried can be used; the first is not audio that"):
        estimate.estimate(params.load(Path("params.yaml")), 2, project / "place")
