"""Projects in which no experiment can run, and what a killed run leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ablation import experiments
from pipeline.ablation.experiments import FOLDER, Project
from pipeline.errors import ProjectError

AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@b"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *AUTHOR, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


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


def nothing(folder: Path) -> Path:
    return folder


def below(folder: Path) -> Path:
    (folder / "sub").mkdir()
    return folder / "sub"


def without_repository(folder: Path) -> Path:
    (folder / ".git").rename(folder.parent / "git")
    return folder


def inside_another_repository(folder: Path) -> Path:
    (folder / ".git").rename(folder.parent / ".git")
    return folder


def without_commit(folder: Path) -> Path:
    git(folder, "checkout", "-q", "--orphan", "new")
    return folder


def in_a_merge(folder: Path) -> Path:
    for branch, text in (("one", "stages: {a: 1}\n"), ("two", "stages: {b: 2}\n")):
        git(folder, "checkout", "-q", "-b", branch, "main")
        (folder / "dvc.yaml").write_text(text)
        git(folder, "commit", "-qam", branch)
    subprocess.run(["git", *AUTHOR, "merge", "one"], cwd=folder, capture_output=True, check=False)
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (below, "is not the root of a DVC project"),
        (without_repository, "fatal: not a git repository"),
        (inside_another_repository, "is not the root of its git repository"),
        (without_commit, "has no commit"),
        (in_a_merge, "a merge is in progress"),
    ],
)
def test_a_project_without_experiments_is_one_sentence(
    project: Path, change: Callable[[Path], Path], said: str
) -> None:
    Project(nothing(project))
    with pytest.raises(ProjectError, match=said) as error:
        Project(change(project))
    assert "\n" not in str(error.value)


def test_files_are_those_that_git_does_not_ignore_committed_or_not(project: Path) -> None:
    (project / ".dvc" / "tmp").mkdir()
    (project / ".dvc" / "tmp" / "x").touch()
    (project / "new [1].py").touch()
    assert Project(project).files(["."]) == [".dvc/.gitignore", "dvc.yaml", "new [1].py"]


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


def test_processes_of_a_killed_run_are_ended_with_their_children_and_its_results_are_kept(project: Path) -> None:
    copy = project / FOLDER / "copy0"
    copy.parent.mkdir(parents=True)
    git(project, "clone", "-q", "--shared", str(project), str(copy))
    head = git(project, "rev-parse", "HEAD").strip()
    git(copy, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/finished", head)
    code = "import subprocess; subprocess.run(['sleep', '100'])"
    left = subprocess.Popen([sys.executable, "-c", code], cwd=copy, start_new_session=True)
    other = subprocess.Popen([sys.executable, "-c", code], cwd=project, start_new_session=True)
    children = [waited_child(left.pid), waited_child(other.pid)]
    try:
        with Project(project).exclusive():
            assert left.wait(10) == -signal.SIGKILL
            assert not running(children[0])
            assert running(children[1])
            assert list(Project(project).experiments()) == ["finished"]
        assert not copy.exists()
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()


def waited_child(parent: int) -> int:
    listing = Path(f"/proc/{parent}/task/{parent}/children")
    for _ in range(1000):
        if found := listing.read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise AssertionError(f"process {parent} has started no other")


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_experiment_starts_with_its_values_and_without_results_of_stages_that_it_changes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "params.yaml").write_text("seed: 42  # of all\nmodel:\n  cell: gru\n")
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  features: {cmd: a}\n  train: {cmd: b}\n")
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "values")
    monkeypatch.setattr(experiments, "_DVC", [sys.executable, "-c", "import sys; print(sys.argv[1:])"])
    monkeypatch.setattr(Project, "_cache", tmp_path)
    copy = Project(project).copy(0, ["params.yaml", "dvc.lock"], ["train"])
    started = copy.start("a-seed7", {"seed": 7, "model.cell": "lstm"}, tmp_path / "log")
    assert started.wait() == 0
    assert (tmp_path / "log").read_text() == "['exp', 'run', '--name', 'a-seed7', 'summary']\n"
    values = (copy.folder / "params.yaml").read_text()
    assert values.split() == ["seed:", "7", "#", "of", "all", "model:", "cell:", "lstm"]
    assert "features" in (copy.folder / "dvc.lock").read_text()
    assert "train" not in (copy.folder / "dvc.lock").read_text()
    assert "train" in (project / "dvc.lock").read_text()
