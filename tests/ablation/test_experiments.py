"""Projects in which no experiment can run, and what a killed run leaves behind."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.ablation import experiments
from pipeline.ablation.experiments import FOLDER, Project
from pipeline.errors import ProjectError
from tests.programs import git


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / ".dvc" / ".gitignore").write_text("/tmp\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_project_without_experiments_is_one_sentence(project: Path, tmp_path: Path) -> None:
    def refuse(root: Path, said: str) -> None:
        with pytest.raises(ProjectError, match=said) as error:
            Project(root)
        assert "\n" not in str(error.value)

    Project(project)
    (project / "sub").mkdir()
    refuse(project / "sub", "is not the root of a DVC project")
    git(project, "checkout", "-q", "--orphan", "new")
    refuse(project, "does not have any commits yet")
    (project / ".git").rename(tmp_path / ".git")
    refuse(project, "is not the root of its git repository")
    (tmp_path / ".git").rename(tmp_path / "git")
    refuse(project, "fatal: not a git repository")


def test_experiments_of_any_commit_are_found_and_other_references_are_not(project: Path) -> None:
    head = git(project, "rev-parse", "HEAD").strip()
    git(project, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/mine", head)
    git(project, "update-ref", "refs/exps/exec/EXEC_HEAD", head)
    git(project, "update-ref", "refs/exps/stash", head)
    found = Project(project).experiments()
    assert list(found) == ["mine"]
    assert (found["mine"].revision, found["mine"].baseline) == (head, head)


def test_only_one_run_at_a_time(project: Path) -> None:
    other = Project(project).exclusive()
    with Project(project).exclusive(), pytest.raises(ProjectError, match="another `lid ablate` is running"):
        other.__enter__()
    with Project(project).exclusive():
        pass


RUN = """
import sys, time
from pathlib import Path
from pipeline import programs
from pipeline.ablation import experiments
experiments.DVC = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '100'])"]
project = experiments.Project(Path())
experiments._dvc = lambda *_: ""
with project.exclusive():
    [copy] = project.copies(1, ["params.yaml", "dvc.lock"], [])
    copy.start("name", {})
    print(copy.process.pid, flush=True)
    sys.stdin.read()
"""


def test_no_process_outlives_a_killed_run_and_others_in_its_folder_go_on(project: Path) -> None:
    (project / "params.yaml").write_text("seed: 42\n")
    (project / "dvc.lock").write_text("stages: {}\n")
    log, linked = project / FOLDER / "logs" / "name.txt", project / "linked.txt"  # of an earlier run
    log.parent.mkdir(parents=True)
    log.write_text("before")
    linked.hardlink_to(log)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=project, env=environment, stdin=pipe, stdout=pipe) as killed:
        assert killed.stdout
        group = int(killed.stdout.readline())
        folder = project / FOLDER / "copies" / "0"
        with subprocess.Popen(["sleep", "100"], cwd=folder, start_new_session=True) as other:
            while len(members(group)) < 4:  # DVC, its stage, and those that end them
                time.sleep(0.02)
            killed.kill()
            while members(group):
                time.sleep(0.02)
            assert other.poll() is None
            with Project(project).exclusive():
                assert not folder.exists()
            assert other.poll() is None
            other.kill()
    assert linked.read_text() == "before"


def members(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
            found += [int(stat.parent.name)] if int(number) == group and state != "Z" else []
    return found


END = "ERROR: failed to reproduce 'train': failed to run: python -m stages.train, exited with 2\n"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            f"Running stage 'train':\n> x\nTraceback (most):\n  x\nKeyError: 'a'\n{END}",
            "stage train failed: KeyError: 'a'",
        ),
        ("error: of an earlier one\nRunning stage 'a':\n> x\nRunning stage 'b':\n> y\nbad\n", "stage b failed: bad"),
        ("ERROR: 'stages.x' does not exist.\n", "stage none failed: 'stages.x' does not exist"),
        ("", "stage none failed: it printed nothing"),
    ],
)
def test_the_last_stage_and_its_error_are_named(output: str, found: str) -> None:
    assert experiments.diagnose(output) == found
