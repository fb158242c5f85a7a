"""The pipeline with a tiny corpus and network, run once; each module of tests has its own copy of the result."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import programs
from tests.programs import git

ROOT = Path(__file__).parents[2]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
ALWAYS = {"corpus", "versions"}  # stages that every `dvc repro` runs
TINY: dict[str, Any] = {
    "demo": {"minutes": 2.5, "voices": 4},
    "sequence": {"length": 200},
    "model": {"units": [6], "dense": [5]},
    "train": {"epochs": 15, "batch_size": 8},
}
IN_ONE_PROCESS = """
import importlib, sys
from stages import run

names = sys.argv[1:]
del sys.argv[1:]

def main():
    for name in names:
        importlib.import_module(f"stages.{name}").main()

run(main)
"""


@dataclass(frozen=True)
class Copy:
    """A copy of the project in its own folder; its caches are next to that."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """Return variables with this Python's programs first on PATH, and none of the user's caches."""
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.folder.parent / "cache"),
            "DVC_SITE_CACHE_DIR": str(self.folder.parent / "dvc"),
        }

    def run(
        self, *command: str, given: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with `given` on standard input."""
        env = self.environment() | dict(environment or {})
        return subprocess.run(
            command, cwd=self.folder, env=env, input=given, capture_output=True, text=True, check=False
        )

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
        """Copy it to a folder that does not exist, without ignored names; entries of caches are linked."""

        def copy(source: str, target: str) -> None:
            (os.link if "/.dvc/cache/" in source else shutil.copy2)(source, target)

        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(*ignored), copy_function=copy)
        shutil.copytree(self.folder.parent / "cache", folder.parent / "cache", copy_function=os.link)
        return Copy(folder)

    def commit(self, *paths: str) -> None:
        """Commit changed files."""
        git(self.folder, "add", *paths)
        git(self.folder, "commit", "-q", "-m", "results")

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

    def repro(self, *targets: str) -> tuple[set[str], set[str], str]:
        """Run `dvc repro`; return the stages that ran, those restored from the run cache, and its output."""
        printed = self.succeed("dvc", "repro", *targets)
        ran = set(re.findall(r"Running stage '(\w+)'", printed))
        return ran, set(re.findall(r"Stage '(\w+)' is cached", printed)), printed

    def stages(self, *names: str) -> str:
        """Run stages without DVC, all in one process; return what they print."""
        return self.succeed("python", "-c", IN_ONE_PROCESS, *names)


def copy_to(folder: Path) -> Copy:
    """Copy the files that git does not ignore, with code that is compiled already, and commit them."""
    names = programs.listed(ROOT, "-co", "--exclude-standard")
    files = [ROOT / name for name in names if not name.endswith("dvc.lock")]
    for room in ("pipeline", "stages"):
        files += [path for ending in ("pyc", "nbi", "nbc") for path in (ROOT / room).rglob(f"__pycache__/*.{ending}")]
    for file in filter(Path.is_file, files):
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    (folder.parent / "cache").mkdir(exist_ok=True)
    copy = Copy(folder)
    copy.change(**TINY)
    copy.succeed("git", "init", "-q")
    for name, value in (("name", "me"), ("email", "me@localhost")):  # `dvc exp apply` needs an author
        copy.succeed("git", "config", f"user.{name}", value)
    copy.commit("--all")
    return copy


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tiny pipeline after one run from the demo to the report, shared by all processes of pytest-xdist."""
    top = tmp_path_factory.getbasetemp()
    shared = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / "built"
    shared.mkdir(exist_ok=True)
    lock = os.open(shared, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if not (shared / "complete").exists():
            ran, restored, printed = copy_to(shared / "project").repro()
            assert ran == set(STAGES), printed
            assert not restored
            (shared / "complete").touch()
    finally:
        os.close(lock)
    return Copy(shared / "project")


@pytest.fixture(scope="module")
def tiny(built: Copy, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the finished tiny pipeline for the tests of one module, which may change it."""
    return built.copied(tmp_path_factory.mktemp("tiny") / "project")


@pytest.fixture
def fresh(tmp_path: Path) -> Copy:
    """A copy in which nothing has run."""
    return copy_to(tmp_path / "fresh" / "project")
