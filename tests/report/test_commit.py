"""The last commit and its scores, in a real repository."""

import json
from pathlib import Path

import pytest

from pipeline.errors import ProgramError, ProjectError
from pipeline.report import commit
from tests.programs import git

METRICS = Path("artifacts") / "summary" / "metrics.json"


def test_the_scores_are_those_committed_not_those_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"  # in a folder of a repository
    (project / METRICS).parent.mkdir(parents=True)
    monkeypatch.chdir(project)
    Path("params.yaml").write_text("seed: 1\n")
    git(tmp_path, "init", "-q")

    def last(content: str) -> commit.Commit:
        """Commit these scores, if any, then change them."""
        if content:
            METRICS.write_text(content)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", "scores")
        METRICS.write_text("{}")
        return commit.last(METRICS)

    assert last("").scores == last("no json").scores == last("[1]").scores == {}
    found = last(json.dumps({"c_avg": 0.1}))
    assert (found.changed, found.scores) == (False, {"c_avg": 0.1})
    assert len(found.commit) >= 7
    Path("params.yaml").write_text("seed: 2\n")
    assert commit.last(METRICS).changed


def test_outside_a_repository_git_says_why_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ProjectError, match="not a git repository"):
        commit.last(METRICS)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match="apt-get install git"):
        commit.last(METRICS)
