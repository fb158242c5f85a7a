"""`lid ablate`: killed half way, started again, equal to `dvc repro`, in the report."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

# Without speech the stage balance fails, after a run of trim and features.
GRID = ("-S", "silence.min_speech=0.1,60", "-S", "balance.strategy=none,undersample", "--seeds", "1")
SCORES = ("metrics.json", "recordings.csv")


@pytest.fixture(scope="module")
def project(tiny: Copy, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tiny project with its results, committed, with an edit that is not."""
    copy = tiny.copied(tmp_path_factory.mktemp("ablate") / "project")
    copy.commit("--all")
    copy.change(model={"dense": [4]})
    return copy


def revisions(copy: Copy) -> dict[str, str]:
    """Commits of the finished experiments by name."""
    listed = copy.succeed("git", "for-each-ref", "--format=%(refname:lstrip=4) %(objectname)", "refs/exps")
    return {name: revision for name, revision in map(str.split, listed.splitlines()) if "-seed" in name}


def test_a_killed_run_continues_and_equals_dvc_repro(project: Copy) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(project.folder.parent / "cache"),
    }
    running = subprocess.Popen(
        ["lid", "ablate", *GRID], cwd=project.folder, env=environment,
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
    assert {name[: name.rindex("-")] for name in after} == {"0-1-none-seed42", "0-1-undersample-seed42"}
    assert after.items() >= before.items()
    failed = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(failed) == 2
    for line in failed:
        found = re.fullmatch(
            r"error: 60, \w+, seed 42: stage balance failed: no frame of .*; its output is in (\S+)", line
        )
        assert found, line
        assert (project.folder / found[1]).is_file()

    [name] = [name for name in after if "undersample" in name]
    scores = {file: git_and_cache(project, name, file) for file in SCORES}
    project.change(balance={"strategy": "undersample"})
    stages = ("balance", "train", "export", "evaluate")
    project.succeed("dvc", "repro", "--force", "--single-item", *stages)
    for file in SCORES:
        assert (project.folder / "artifacts" / "evaluation" / file).read_bytes() == scores[file]


def git_and_cache(project: Copy, revision: str, file: str) -> bytes:
    """A file of an experiment."""
    target = project.folder.parent / file
    project.succeed("dvc", "get", ".", f"artifacts/evaluation/{file}", "--rev", revision, "--out", str(target), "-f")
    return target.read_bytes()


def test_the_experiments_are_those_of_dvc(project: Copy) -> None:
    names = list(revisions(project))
    for command in (["show", "--csv"], ["list"]):
        shown = project.succeed("dvc", "exp", *command)
        assert all(name in shown for name in names)
    changed = json.loads(project.succeed("dvc", "metrics", "diff", *names, "--json"))
    assert changed["artifacts/summary/metrics.json"]
    project.succeed("dvc", "plots", "diff", *names, "--json")


def test_tables_and_report_show_the_cells_and_a_grid_of_another_corpus_is_left_out(project: Copy) -> None:
    folder = project.folder / "ablation"
    with (folder / "cells.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [(row["silence.min_speech"], row["balance.strategy"]) for row in cells] == [
        ("0.1", "none"), ("0.1", "undersample"),
    ]  # fmt: skip
    page = (folder / "table.md").read_text()
    assert "Failed: 60, none, seed 42: stage balance failed: no frame of" in page
    assert "| 0.1 | undersample | 1 |" in page
    assert (folder / "plot.svg").read_text().startswith("<svg xmlns=")
    project.repro()
    report = project.folder / "artifacts" / "report" / "index.html"
    assert '<section id="ablation">' in report.read_text()
    table = folder / "table.csv"
    table.write_text(table.read_text().replace(cells[0]["corpus"], "another"))
    project.repro()
    assert '<section id="ablation">' not in report.read_text()


def test_an_experiment_can_be_taken_over(project: Copy) -> None:
    [name] = [name for name in revisions(project) if "none" in name]
    project.succeed("dvc", "exp", "apply", name)
    assert "strategy: none" in (project.folder / "params.yaml").read_text()
    assert json.loads((project.folder / "artifacts" / "manifests" / "summary.json").read_text())["balance"] == "none"
