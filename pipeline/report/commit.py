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
    """The last commit."""

    commit: str
    date: str
    changed: bool  # tracked files other than the results have changed since
    scores: Mapping[str, Any]  # its artifacts/summary/metrics.json; empty if it has none


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
    others = (".", f":!{metrics.parent}", ":!dvc.lock")
    changed = git(here, "status", "--porcelain", "--untracked-files=no", "--", *others).strip()
    try:
        scores = json.loads(git(here, "show", f"HEAD:./{metrics.as_posix()}"))
    except (json.JSONDecodeError, ProjectError):  # it has no scores
        scores = {}
    return Commit(commit, date, bool(changed), scores if isinstance(scores, dict) else {})
