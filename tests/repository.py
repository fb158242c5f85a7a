"""Git, as an author whom no configuration has to name."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """Run it in a folder; its output."""
    author = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    return subprocess.run(["git", *author, *words], cwd=folder, capture_output=True, text=True, check=True).stdout
