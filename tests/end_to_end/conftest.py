"""A copy of the project with a tiny corpus and network, in which DVC runs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
ALWAYS = {"corpus", "versions"}  # stages that every `dvc repro` runs
AUTHOR = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
TINY: dict[str, Any] = {
    "demo": {"minutes": 2.5, "voices": 4},
    "sequence": {"length": 200},
    "model": {"units": [6], "dense": [5]},
    "train": {"epochs": 1, "batch_size": 8},
}


@dataclass(frozen=True)
class Copy:
    """A copy of the project in its own folder."""

    folder: Path

    def run(
        self, *command: str, given: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with this Python's programs first on PATH and `given` on standard input."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        memo = {"XDG_CACHE_HOME": str(self.folder.parent / "cache")}  # not the user's
        env = {**os.environ, "PATH": path, **memo, **(environment or {})}
        done = subprocess.run(command, cwd=self.folder, env=env, input=given, capture_output=True, check=False)
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    def succeed(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command that must succeed; return what it prints."""
        done = self.run(*command, environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refusal(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command that must end with one printable line about a user's mistake; return that line."""
        done = self.run(*command, environment=environment)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.startswith("error: ")
        assert done.stderr.endswith("\n")
        assert done.stderr[:-1].isprintable()
        return done.stderr[:-1]

    def copied(self, folder: Path, *ignored: str) -> "Copy":
        """Copy it to a folder that does not exist, without ignored names."""
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(*ignored))
        return Copy(folder)

    def commit(self, *paths: str) -> None:
        """Commit changed files."""
        self.succeed("git", "add", *paths)
        self.succeed("git", *AUTHOR, "commit", "-q", "-m", "results")

    def change(self, **sections: Any) -> None:
        """Change values in sections of params.yaml."""
        file = self.folder / "params.yaml"
        tree = yaml.safe_load(file.read_text())
        for section, values in sections.items():
            if isinstance(values, dict):
                tree[section].update(values)
            else:
                tree[section] = values
        file.write_text(yaml.safe_dump(tree))

    def repro(self) -> tuple[set[str], set[str], str]:
        """Run `dvc repro`; return the stages that ran, those restored from the run cache, and its output."""
        printed = self.succeed("dvc", "repro")
        ran = set(re.findall(r"Running stage '(\w+)'", printed))
        return ran, set(re.findall(r"Stage '(\w+)' is cached", printed)), printed


def copy_to(folder: Path) -> Copy:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.endswith("dvc.lock"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    copy = Copy(folder)
    copy.change(**TINY)
    copy.succeed("git", "init", "-q")
    copy.commit("--all")
    return copy


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tiny pipeline after one run from the demo to the report."""
    copy = copy_to(tmp_path_factory.mktemp("project"))
    ran, restored, printed = copy.repro()
    assert ran == set(STAGES), printed
    assert not restored
    return copy


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Copy]:
    """Make copies in which nothing has run."""
    return lambda: copy_to(tmp_path)
