"""The commit that the pipeline runs on, and the scores that it had."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 10


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


def last(metrics: Path) -> Commit | None:
    """The last commit of the repository of the current folder, if it is one.

    Parameters
    ----------
    metrics
        Path of the tracked scores, relative to the current folder.
    """
    head = _git("log", "-1", "--format=%h %cs")
    if not head:
        return None
    commit, date = head.split()
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{metrics.parent}", ":!dvc.lock")
    try:
        scores = json.loads(_git("show", f"HEAD:./{metrics.as_posix()}") or "{}")
    except json.JSONDecodeError:
        scores = {}
    return Commit(commit, date, bool(changed), scores if isinstance(scores, dict) else {})


def _git(*words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run([program, *words], capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.decode(errors="replace").strip()
