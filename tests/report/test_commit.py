"""The last commit and its scores, in a real repository."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import ProgramError, ProjectError
from pipeline.report import commit

METRICS = Path("artifacts") / "summary" / "metrics.json"


def commit_all(folder: Path, content: str) -> None:
    """Commit these scores."""
    (folder / METRICS).write_text(content)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "scores")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, with one commit of its code."""
    git(tmp_path, "init", "-q")
    folder = tmp_path / "project"
    (folder / METRICS).parent.mkdir(parents=True)
    (folder / "params.yaml").write_text("seed: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "code")
    monkeypatch.chdir(folder)
    return folder


def test_the_scores_are_those_committed_not_those_in_the_folder(project: Path) -> None:
    found = commit.last(METRICS)
    assert (found.changed, found.scores) == (False, {})
    commit_all(project, json.dumps({"c_avg": 0.1}))
    (project / METRICS).write_text(json.dumps({"c_avg": 0.2}))
    found = commit.last(METRICS)
    assert (found.changed, found.scores) == (False, {"c_avg": 0.1})
    (project / "params.yaml").write_text("seed: 2\n")
    found = commit.last(METRICS)
    assert found.changed
    assert len(found.commit) >= 7
    for odd in ("no json", "[1]"):
        commit_all(project, odd)
        assert commit.last(METRICS).scores == {}


def test_outside_a_repository_git_says_why_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ProjectError, match="not a git repository"):
        commit.last(METRICS)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match="apt-get install git"):
        commit.last(METRICS)
