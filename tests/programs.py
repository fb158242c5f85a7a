"""Programs that tests run: git, Python with the project's code, `lid`; and the files that they write."""

import hashlib
import os
import signal
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


def broken_settings(home: Path, package: str) -> tuple[Path, dict[str, str]]:
    """Write a damaged file of a package's settings; its path, and an environment in which the package reads it."""
    path = home / ".config" / package / "a.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("a: [b")
    return path, os.environ | {"HOME": str(home)}


def lid(*words: object) -> tuple[int, str, str]:
    """Run a command of `lid` in this process; its exit status, and what it prints on standard output and error."""
    done = CliRunner().invoke(commands.main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def heed_interrupts() -> None:
    """Run in a new process before its program: a background process starts with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file in a folder."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
