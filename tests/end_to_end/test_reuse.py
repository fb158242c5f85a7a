"""The example that reuses the features: the commands of its page, next to a pipeline that has run."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import zarr

from tests.end_to_end.conftest import ROOT, Copy

PAGE = ROOT / "examples" / "reuse" / "README.md"
BEGIN, UPDATE = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def sh(copy: Copy, block: str) -> str:
    """Run a block in one shell that stops at the first failed command; return its output."""
    who = {f"GIT_{role}_{key}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    environment = {**who, "PYTHONPATH": "", "DVC_NO_ANALYTICS": "true"}
    return copy.succeed("bash", "-euxc", block, environment=environment)


@pytest.fixture(scope="module")
def experiment(tiny: Copy) -> Copy:
    """The example, copied next to the committed tiny pipeline and run once."""
    tiny.commit("--all")
    printed = sh(Copy(tiny.folder.parent), BEGIN.replace("PIPELINE", str(tiny.folder)))
    assert "Running stage 'train'" in printed
    assert "macro_recall" in printed
    return Copy(tiny.folder.parent / "my-experiment")


@pytest.fixture
def tampered(experiment: Copy, tmp_path: Path) -> Copy:
    """A copy of the example, whose imports a test alters."""
    return experiment.copied(tmp_path / "tampered", ".git", ".dvc")


def test_it_needs_neither_this_package_nor_speech_in_every_recording(tampered: Copy) -> None:
    speech = zarr.open_array(tampered.folder / "features.zarr" / "speech", mode="r+")
    speech[:] = False  # then a recording is summarised by all its frames
    without = "import runpy, sys; sys.modules['pipeline'] = None; runpy.run_path('train.py', run_name='__main__')"
    done = tampered.run("python", "-W", "error", "-c", without)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_test_recording_is_scored(tiny: Copy, experiment: Copy) -> None:
    metrics = json.loads((experiment.folder / "metrics.json").read_text())
    assert list(metrics) == ["accuracy", "macro_recall", "recordings"]
    with (tiny.folder / "artifacts" / "splits" / "test.csv").open() as file:
        assert metrics["recordings"] == len(list(csv.DictReader(file))) > 0
    assert 0 <= metrics["accuracy"] <= 1
    assert 0 <= metrics["macro_recall"] <= 1


def test_everything_but_the_data_is_committed(experiment: Copy) -> None:
    assert not sh(experiment, "git status --porcelain")
    committed = sh(experiment, "git ls-files").splitlines()
    assert {"dvc.lock", "features.zarr.dvc", "splits.dvc", "metrics.json"} < set(committed)
    assert not [name for name in committed if name.startswith(("features.zarr/", "splits/"))]


def test_a_second_run_runs_nothing(experiment: Copy) -> None:
    printed = sh(experiment, "dvc repro")
    assert "Running stage" not in printed
    assert "up to date" in printed


def test_the_pipeline_does_not_see_it(tiny: Copy, experiment: Copy) -> None:
    assert "examples" not in sh(tiny, "dvc status; dvc stage list --all; dvc metrics show --json")


def test_a_store_of_another_schema_is_refused(tampered: Copy) -> None:
    zarr.open_group(tampered.folder / "features.zarr", mode="r+").attrs["schema"] = 3
    assert "features.zarr has schema 3, not 2" in tampered.refusal("python", "train.py")


def test_a_recording_that_the_store_lacks_is_named(tampered: Copy) -> None:
    with (tampered.folder / "splits" / "test.csv").open("a") as file:
        file.write("nobody_1,english,nobody,nobody_1,1.0\n")
    said = tampered.refusal("python", "train.py")
    assert "splits/test.csv names the recording 'nobody_1'" in said
    assert "dvc update features.zarr.dvc splits.dvc" in said


@pytest.mark.parametrize(
    ("name", "place"), [("model", "streaming"), ("features", "features.zarr"), ("splits", "splits")]
)
def test_artifacts_are_found_by_name(tiny: Copy, experiment: Copy, name: str, place: str) -> None:
    sh(tiny, f"git tag -am first {name}@v1.0.0")
    sh(experiment, f"dvc artifacts get {tiny.folder} {name} -o ../{name}")

    def content(folder: Path) -> dict[Path, bytes]:
        return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert content(experiment.folder.parent / name) == content(tiny.folder / "artifacts" / place)


def test_changed_features_come_with_an_update(tiny: Copy, experiment: Copy) -> None:
    """Last, because it changes the shared fixtures."""
    tiny.change(mfcc={"fmin": 60.0})
    sh(tiny, "dvc repro features; git commit -qam 'Nothing below 60 Hz'")
    before = (experiment.folder / "metrics.json").read_text()
    printed = sh(experiment, UPDATE)
    assert "Running stage 'train'" in printed
    attributes: dict[str, Any] = dict(zarr.open_group(experiment.folder / "features.zarr", mode="r").attrs)
    assert attributes["mfcc"]["fmin"] == 60.0
    assert json.loads(before).keys() == json.loads((experiment.folder / "metrics.json").read_text()).keys()
