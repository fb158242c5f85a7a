"""Commits are compared in a fresh clone, which has no cache: the numbers are in git."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

SUMMARY = Path("artifacts") / "summary"


@pytest.fixture
def clone(tiny: Copy, tmp_path: Path) -> Copy:
    """A clone of a repository with the results of a run, in which one score and one answer have changed since."""
    folder = tmp_path / "clone"
    tiny.commit("artifacts/summary", "dvc.lock")
    tiny.succeed("git", "clone", "-q", ".", str(folder))
    assert not (folder / "artifacts" / "features.zarr").exists()
    metrics = json.loads((folder / SUMMARY / "metrics.json").read_text())
    (folder / SUMMARY / "metrics.json").write_text(json.dumps(metrics | {"c_avg": 0.125}))
    confusion = folder / SUMMARY / "confusion.csv"
    confusion.write_text(confusion.read_text() + "english,hindi\n")
    return Copy(folder)


def test_metrics_plots_and_experiments_work_against_the_last_commit(clone: Copy) -> None:
    before = json.loads(clone.run("git", "show", "HEAD:artifacts/summary/metrics.json").stdout)
    changed = json.loads(clone.run("dvc", "metrics", "diff", "--json").stdout)
    assert changed == {
        "artifacts/summary/metrics.json": {
            "c_avg": {"old": before["c_avg"], "new": 0.125, "diff": pytest.approx(0.125 - before["c_avg"])}
        }
    }
    drawn = json.loads(clone.run("dvc", "plots", "diff", "HEAD", "--json").stdout)
    assert not drawn.get("errors")
    assert {revision for plots in drawn["data"].values() for plot in plots for revision in plot["revisions"]} == {
        "HEAD", "workspace",
    }  # fmt: skip
    shown = clone.run("dvc", "exp", "show", "--csv")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [float(row["c_avg"]) for row in rows[:2]] == pytest.approx([0.125, before["c_avg"]], abs=1e-5)
