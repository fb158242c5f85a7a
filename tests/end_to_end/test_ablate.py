"""`lid ablate`: killed half way, started again, equal to the stages without DVC, in the report."""

import csv
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

# The corpus has no official split, so stage split fails; decisions are made after training, which DVC restores.
GRID = ("-S", "decision.refuse=0.0,0.3", "-S", "split.method=hours,official", "--seeds", "1")


@pytest.fixture(scope="module")
def project(tiny: Copy) -> Copy:
    """The tiny project with its results, committed, with an edit that is not."""
    tiny.commit("--all")
    tiny.change(export={"tolerance": 0.001})
    return tiny


def revisions(copy: Copy) -> dict[str, str]:
    """Commits of the finished experiments by name."""
    listed = copy.succeed("git", "for-each-ref", "--format=%(refname:lstrip=4) %(objectname)", "refs/exps")
    return {name: revision for name, revision in map(str.split, listed.splitlines()) if "-seed" in name}


def test_a_killed_run_continues_and_equals_the_stages(project: Copy, tmp_path: Path) -> None:
    running = subprocess.Popen(
        ["lid", "ablate", *GRID], cwd=project.folder, env=project.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    logs = project.folder / ".dvc" / "tmp" / "ablation" / "logs"
    while not (revisions(project) and len(list(logs.glob("*"))) > 1):
        assert running.poll() is None, running.stdout and running.stdout.read()
        time.sleep(0.2)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = revisions(project)

    done = project.run("lid", "ablate", *GRID)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"ablate: 4 experiments, {len(before)} of them finished before" in done.stdout
    after = revisions(project)
    assert {name[: name.rindex("-")] for name in after} == {"0-0-hours-seed42", "0-3-hours-seed42"}
    assert after.items() >= before.items()
    failed = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(failed) == 2
    for line in failed:
        found = re.fullmatch(
            r"error: 0\.\d, official, seed 42: stage split failed: split.method .*; its output is in (\S+)", line
        )
        assert found, line
        assert (project.folder / found[1]).is_file()

    [name] = [name for name in after if name.startswith("0-3")]
    project.change(decision={"refuse": 0.3})
    project.stages("export", "evaluate")
    for path in ("evaluation/metrics.json", "evaluation/recordings.csv", "streaming/streaming.json"):
        own, restored = project.folder / "artifacts" / path, tmp_path / Path(path).name
        project.succeed("dvc", "get", ".", f"artifacts/{path}", "--rev", name, "--out", str(restored))
        assert restored.read_bytes() == own.read_bytes()


def test_the_experiments_are_those_of_dvc(project: Copy) -> None:
    names = list(revisions(project))
    for command in (["show", "--csv"], ["list"]):
        shown = project.succeed("dvc", "exp", *command)
        assert all(name in shown for name in names)
    changed = json.loads(project.succeed("dvc", "metrics", "diff", *names, "--all", "--json"))
    assert set(changed) == {"artifacts/summary/metrics.json"}
    project.succeed("dvc", "plots", "diff", *names, "--json")


def test_tables_and_report_show_the_cells_and_a_grid_of_another_corpus_is_left_out(project: Copy) -> None:
    folder = project.folder / "ablation"
    with (folder / "cells.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [(row["decision.refuse"], row["split.method"]) for row in cells] == [("0.0", "hours"), ("0.3", "hours")]
    page = (folder / "table.md").read_text()
    assert "Failed: 0.0, official, seed 42: stage split failed: split.method" in page
    assert "| 0.3 | hours | 1 |" in page
    assert (folder / "plot.svg").read_text().startswith("<svg xmlns=")
    report, table = project.folder / "artifacts" / "report" / "index.html", folder / "table.csv"
    project.stages("report")
    assert '<section id="ablation">' in report.read_text()
    table.write_text(table.read_text().replace(cells[0]["corpus"], "another"))
    project.stages("report")
    assert '<section id="ablation">' not in report.read_text()


def test_an_experiment_can_be_taken_over(project: Copy) -> None:
    [name] = [name for name in revisions(project) if name.startswith("0-0")]
    project.succeed("dvc", "exp", "apply", name)
    assert "refuse: 0.0" in (project.folder / "params.yaml").read_text()
    described = json.loads((project.folder / "artifacts/streaming/streaming.json").read_text())
    assert described["decision"]["unknown_below"] == 0
