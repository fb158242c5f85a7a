"""The commit that the pipeline runs on, and the scores that it had."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ProjectError
from pipeline.programs import git


@dataclass(frozen=True)
class Commit:
    """The last commit.

    Attributes
    ----------
    changed
        Tracked files other than the results have changed since.
    scores
        Its artifacts/summary/metrics.json; empty if it has none.
    """

    commit: str
    date: str
    changed: bool
    scores: Mapping[str, Any]


def last(metrics: Path) -> Commit:
    """Return the last commit of the repository of the current folder.

    Parameters
    ----------
    metrics
        Path of the tracked scores, relative to the current folder.

    Raises
    ------
    ProgramError, ProjectError
        If there is none, with git's reason.
    """
    here = Path()
    commit, date = git(here, "log", "-1", "--format=%h %cs").split()
    changed = git(
        here, "status", "--porcelain", "--untracked-files=no", "--", ".", f":!{metrics.parent}", ":!dvc.lock"
    ).strip()
    try:
        scores = json.loads(git(here, "show", f"HEAD:./{metrics.as_posix()}"))
    except (json.JSONDecodeError, ProjectError):  # it has no scores
        scores = {}
    return Commit(commit, date, bool(changed), scores if isinstance(scores, dict) else {})
