"""The programs that this package calls: SoX, espeak-ng, Graphviz and git."""

import os
import shutil
import subprocess
from pathlib import Path

from pipeline.errors import ProgramError, ProjectError

PACKAGES = {"sox": "sox libsox-fmt-all", "espeak-ng": "espeak-ng", "dot": "graphviz"}  # program: Debian packages


def require(program: str) -> str:
    """Return the path of a program.

    Raises
    ------
    ProgramError
        If it is not on PATH, naming the packages that hold it.
    """
    path = shutil.which(program)
    if path is None:
        raise ProgramError(
            f"the program {program!r} is not on PATH; install it: apt-get install {PACKAGES.get(program, program)}"
        )
    return path


def git(folder: Path, *words: str) -> str:
    """Call git in a folder and return its output.

    Raises
    ------
    ProgramError
        If git is not on PATH.
    ProjectError
        If it fails, with its own reason.
    """
    done = subprocess.run([require("git"), *words], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split()) or f"exit status {done.returncode}"
        raise ProjectError(f"`git {words[0]}` failed in {folder.absolute()} ({reason})")
    return os.fsdecode(done.stdout)


def last_line(messages: bytes) -> str:
    """Return the last line of what a program has printed as an error: usually its reason."""
    return messages.decode(errors="replace").strip().rpartition("\n")[2] or "it gives no reason"


def listed(folder: Path, *words: str) -> list[str]:
    """Return the names of files that `git ls-files` lists in a folder, sorted."""
    return sorted(set(filter(None, git(folder, "ls-files", "-z", *words).split("\0"))))
