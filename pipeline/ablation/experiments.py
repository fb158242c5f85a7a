"""Experiments of DVC: the only module that calls DVC, with lists of arguments.

An experiment runs in a copy of the project, a clone below .dvc/tmp/ablation that shares DVC's cache, and its reference
is then fetched into the project. `dvc exp run` stashes and detaches the work tree in which it starts: if it is killed,
that happens to the copy. The daemons of `dvc queue` are not used: they outlive Ctrl-C, `dvc queue stop --kill` leaves
their stages running, and they would also run the user's own queue.
"""

import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.ablation import grid
from pipeline.ablation.graph import TARGET
from pipeline.errors import ProjectError
from pipeline.programs import git

FOLDER = Path(".dvc") / "tmp" / "ablation"
EXPERIMENTS = "refs/exps"  # DVC's: refs/exps/AA/REST_OF_THE_COMMIT/NAME
DIED_WITHIN_S = 10.0  # of SIGKILL


@dataclass(frozen=True)
class Experiment:
    """A finished experiment: its commit, and the commit on which it ran."""

    name: str
    revision: str
    baseline: str
    reference: str


class Project:
    """A project of git and DVC, at its root.

    Raises
    ------
    ProjectError, ProgramError
        If no experiment can run in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.folder = self.root / FOLDER
        if not (self.root / "dvc.yaml").is_file() or not (self.root / ".dvc").is_dir():
            raise ProjectError(f"{self.root} is not the root of a DVC project; run this in the folder with dvc.yaml")
        if not self.root.samefile(top := git(self.root, "rev-parse", "--show-toplevel").removesuffix("\n")):
            raise ProjectError(f"{self.root} is not the root of its git repository, {top}, which experiments need")
        self.commit = self._asked("rev-parse", "--verify", "--quiet", "HEAD")
        if not self.commit:
            raise ProjectError("the repository has no commit for experiments to start from; commit the project first")
        if self._asked("rev-parse", "--verify", "--quiet", "MERGE_HEAD") or self._asked("ls-files", "--unmerged"):
            raise ProjectError("a merge is in progress; finish it with `git commit` or end it with `git merge --abort`")

    def files(self, paths: Iterable[str]) -> list[str]:
        """Files at or below some paths that git does not ignore, sorted; those that were deleted too."""
        listed = git(self.root, "ls-files", "-co", "--exclude-standard", "-z", "--", *paths)
        return sorted(set(filter(None, listed.split("\0"))))

    def reproduce(self, stages: list[str]) -> None:
        """Run stages in the project itself, with their output."""
        sys.stdout.flush()
        command = [*_DVC, "repro", *stages]
        done = subprocess.run(
            command, cwd=self.root, env=_environment(), stdout=sys.stdout, stderr=sys.stderr, check=False
        )
        if done.returncode:
            raise ProjectError("`dvc repro` of the stages that all cells share failed; its message is above")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other runs away, end what a killed run left running and collect what it finished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ProjectError("another `lid ablate` is running in this project; wait for it or end it") from error
            _end_processes_in(self.folder)
            for left in self._copies():
                with suppress(ProjectError):
                    self.collect(left)
            yield
            for left in self._copies():
                shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)

    def experiments(self) -> dict[str, Experiment]:
        """Finished experiments by name, on any commit."""
        return {found.name: found for found in _experiments(self.root)}

    def collect(self, copy: Path) -> None:
        """Fetch experiments that finished in a copy."""
        known = self.experiments()
        new = [found.reference for found in _experiments(copy) if found.name not in known]
        if new:
            git(self.root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(copy),
                 *(f"{reference}:{reference}" for reference in new))  # fmt: skip

    def copy(self, number: int, paths: Iterable[str], stages: Collection[str]) -> "Copy":
        """A new copy of the project for experiments that run these stages: the last commit, some files as they are."""
        folder = self.folder / f"copy{number}"
        shutil.rmtree(folder, ignore_errors=True)
        author = ["-c", "user.name=lid ablate", "-c", "user.email=lid@localhost"]
        git(self.root, "clone", "--quiet", "--shared", "--no-tags", *author, str(self.root), str(folder))
        cache = os.path.relpath(self._cache, folder)  # without the project's folder, which may have any name
        _dvc(folder, "config", "--local", "cache.dir", cache)
        return Copy(self, folder, self.files(paths), stages)

    def seconds(self) -> dict[str, float]:
        """How long experiments took when they were run, by name."""
        with suppress(OSError, ValueError):
            found: dict[str, float] = json.loads((self.folder / "seconds.json").read_bytes())
            return found
        return {}

    def remember(self, name: str, seconds: float) -> None:
        """Keep the time that an experiment took."""
        files.replace(self.folder / "seconds.json", json.dumps(self.seconds() | {name: round(seconds, 1)}).encode())

    @functools.cached_property
    def _cache(self) -> Path:
        return self.root / _dvc(self.root, "cache", "dir").removesuffix("\n")

    def _copies(self) -> list[Path]:
        return sorted(self.folder.glob("copy*"))

    def _asked(self, *words: str) -> str:
        """An answer of git; empty if it has none."""
        try:
            return git(self.root, *words).strip()
        except ProjectError:
            return ""


@dataclass(frozen=True)
class Copy:
    """A copy of the project, in which one experiment runs at a time."""

    project: Project
    folder: Path
    overlay: list[str]  # files that may differ from the commit
    stages: Collection[str]  # that experiments run

    def start(self, name: str, values: dict[str, Any], log: Path) -> "subprocess.Popen[bytes]":
        """Start an experiment with other values in params.yaml, its output in a file."""
        git(self.folder, "reset", "--quiet", "--hard")
        for path in self.overlay:
            target = self.folder / path
            target.unlink(missing_ok=True)  # it may be a link
            if (self.project.root / path).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.project.root / path, target)
        with _edited(self.folder / "params.yaml") as tree:
            grid.put(tree, values)
        # DVC would fail on earlier outputs of these stages if its cache lacks them, as after a clone.
        with _edited(self.folder / "dvc.lock") as lock:
            for stage in set(lock["stages"]) & set(self.stages):
                del lock["stages"][stage]
        command = [*_DVC, "exp", "run", "--name", name, TARGET]
        with log.open("wb") as output:
            return subprocess.Popen(
                command, cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip


def end(process: "subprocess.Popen[bytes]") -> None:
    """End an experiment with all of its stages. Its copy is damaged, DVC's cache is not."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


_DVC = [sys.executable, "-m", "dvc"]


def _dvc(folder: Path, *words: str) -> str:
    done = subprocess.run([*_DVC, *words], cwd=folder, env=_environment(), capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ProjectError(f"`dvc {words[0]}` failed in {folder} ({reason})")
    return os.fsdecode(done.stdout)


def _environment() -> dict[str, str]:
    """The programs of this Python's environment first on PATH, even if it is not activated."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _experiments(folder: Path) -> Iterator[Experiment]:
    listed = git(folder, "for-each-ref", "--format=%(objectname) %(refname)", EXPERIMENTS)
    for revision, reference in (line.split(" ", 1) for line in listed.splitlines()):
        parts = reference.removeprefix(f"{EXPERIMENTS}/").split("/")
        if len(parts) == 3 and len(parts[0]) == 2:
            yield Experiment(parts[2], revision, parts[0] + parts[1], reference)


@contextmanager
def _edited(path: Path) -> Iterator[Any]:
    """The content of a YAML file, written again with its comments, as DVC does."""
    from ruamel.yaml import YAML

    yaml = YAML()
    tree = yaml.load(path.read_text(encoding="utf-8"))
    yield tree
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)


def _end_processes_in(folder: Path) -> None:
    """End the process groups of Python programs that work in a folder, and wait for their end."""
    deadline = time.monotonic() + DIED_WITHIN_S
    while groups := _groups_in(folder) - {os.getpgid(0)}:
        if time.monotonic() > deadline:
            raise ProjectError(f"processes of a killed run in {folder} do not end; end them: {min(groups)}")
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(0.05)


def _groups_in(folder: Path) -> set[int]:
    import psutil

    python = Path(sys.executable).resolve()
    groups = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if folder in Path(process.cwd()).parents and Path(process.exe()) == python:
                groups.add(os.getpgid(process.pid))
    return groups
