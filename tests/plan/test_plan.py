"""Estimates for a corpus match what its stages then write; times are scaled from given timings."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import params, plan
from pipeline.errors import CorpusError
from pipeline.plan import Estimate

ROOT = Path(__file__).parents[2]
FOLDERS = {"ingest": ("ingest", "audio"), "trim": ("trim",), "features": ("features.zarr",)}
STAGES = [*FOLDERS, "train", "export", "evaluate", "others"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 recordings of 2 to 20 s of two languages."""
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "corpus" / ("english", "hindi")[number % 2] / f"s{number % 8}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        gate = np.repeat(rng.random(2 + number % 19) < 0.7, 16000)
        soundfile.write(path, rng.normal(0, 0.05, len(gate)) * gate + 1e-4, 16000)
    tree = {"root": "corpus", "languages": ["english", "hindi"], "speaker_pattern": r"(?P<speaker>s\d)_"}
    (tmp_path / "params.yaml").write_text(json.dumps({"corpus": tree}))
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
    monkeypatch.setattr(plan.data, "SAMPLE_BYTES", 6_000_000)  # so that half of the corpus stands for all of it
    estimates = plan.estimate(params.load(Path("params.yaml")), 2, project / "place")
    assert [row.stage for row in estimates] == STAGES
    subprocess.run([sys.executable, "-m", "stages.corpus"], check=True, capture_output=True)
    for row in estimates[: len(FOLDERS)]:
        subprocess.run([sys.executable, "-m", f"stages.{row.stage}"], check=True, capture_output=True)
        sizes = [written(project / "artifacts" / name) for name in FOLDERS[row.stage]]
        assert row.files == sum(number for _, number in sizes)
        if row.stage != "trim":
            assert row.bytes == pytest.approx(sum(size for size, _ in sizes), rel=0.1)
        assert row.seconds > 0


@pytest.mark.slow
def test_the_command_prints_every_estimate_leaves_nothing_and_refuses_a_corpus_without_recordings(
    project: Path,
) -> None:
    done = subprocess.run(["lid", "plan", "--json", "--workers", "3"], capture_output=True, text=True, check=True)
    estimates = json.loads(done.stdout)
    assert list(estimates) == STAGES
    for row in estimates.values():
        assert set(row) == {field.name for field in dataclasses.fields(Estimate)}
        assert 20e6 < row["memory"] < 3e9
        assert row["seconds"] > 0
    assert not list((project / "artifacts").iterdir())
    for path in (project / "corpus").rglob("*.wav"):
        path.write_text("no audio")
    with pytest.raises(CorpusError, match="none of 40 files tried can be used; the first is not audio that"):
        plan.estimate(params.load(Path("params.yaml")), 2, project / "place")
