"""Programs that tests run: git, Python with the code of the project, and `lid`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pipeline.cli import commands

ROOT = Path(__file__).parents[1]


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as an author whom no configuration has to name; its output."""
    author = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    return subprocess.run(["git", *author, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def python(code: str, *words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def lid(*words: object) -> tuple[int, str, str]:
    """Run a command of `lid` in this process; its exit status, and what it prints on standard output and error."""
    done = CliRunner().invoke(commands.main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr
