"""Experiments of DVC: the only module that calls DVC.

An experiment runs in a copy of the project, a clone below .dvc/tmp/ablation that shares DVC's cache, and its reference
is then fetched into the project. `dvc exp run`, with `--temp` too, stashes and detaches the work tree where it starts:
if it is killed, that happens to the copy. The daemons of `dvc queue` are not used: they outlive Ctrl-C, `dvc queue stop
--kill` leaves their stages running, and they would also run the user's own queue.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import files
from pipeline.ablation.graph import TARGET
from pipeline.ablation.grid import Trial, put
from pipeline.console.terminal import Progress, show_error
from pipeline.console.text import printable, shorten
from pipeline.errors import ProjectError
from pipeline.programs import git, last_line, listed

FOLDER = Path(".dvc") / "tmp" / "ablation"
EXPERIMENTS = "refs/exps"  # DVC's: refs/exps/AA/REST_OF_THE_COMMIT/NAME
DVC = [sys.executable, "-m", "dvc"]
POLL_INTERVAL_S = 0.1
SLOWEST = "train"  # a trial is timed if this stage ran; otherwise it was restored
MAX_SENTENCE_CHARACTERS = 500

# Runs a command whose process group ends with standard input: no stage outlives this process, even if it is killed.
SUPERVISED = ["sh", "-c", 'exec 3<&0 </dev/null; (cat <&3; kill -9 0) >/dev/null & exec "$@" 3<&-', "experiment"]


class Experiment(NamedTuple):
    """A finished experiment: its commit, and the commit on which it ran."""

    name: str
    revision: str
    baseline: str


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
        self._copies = self.folder / "copies"
        if not (self.root / "dvc.yaml").is_file() or not (self.root / ".dvc").is_dir():
            raise ProjectError(f"{self.root} is not the root of a DVC project; run this in the folder with dvc.yaml")
        if not self.root.samefile(top := git(self.root, "rev-parse", "--show-toplevel").removesuffix("\n")):
            raise ProjectError(f"{self.root} is not the root of its git repository, {top}, which experiments need")
        git(self.root, "log", "-1")  # fails without a commit, from which experiments start

    def reproduce(self, stages: list[str]) -> None:
        """Run stages in the project itself, with their output."""
        sys.stdout.flush()
        command = [*DVC, "repro", *stages]
        if subprocess.call(command, cwd=self.root, env=_environment(), stdout=sys.stdout, stderr=sys.stderr):
            raise ProjectError("`dvc repro` of the stages that all cells share failed; its message is above")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other runs away, and remove the copies of this one and of a killed one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = files.locked(self.folder)
        except BlockingIOError as error:
            raise ProjectError("another `lid ablate` is running in this project; wait for it or end it") from error
        try:
            shutil.rmtree(self._copies, ignore_errors=True)
            yield
            shutil.rmtree(self._copies, ignore_errors=True)
        finally:
            os.close(lock)

    def experiments(self) -> dict[str, Experiment]:
        """Return finished experiments by name, on any commit."""
        found = {}
        references = git(self.root, "for-each-ref", "--format=%(objectname) %(refname)", EXPERIMENTS)
        for revision, reference in (line.split(" ", 1) for line in references.splitlines()):
            parts = reference.removeprefix(f"{EXPERIMENTS}/").split("/")
            if len(parts) == 3 and len(parts[0]) == 2:
                found[parts[2]] = Experiment(parts[2], revision, parts[0] + parts[1])
        return found

    def copies(self, number: int, paths: Iterable[str], stages: Collection[str]) -> "list[Copy]":
        """Make copies of the project for experiments that run these stages: the last commit, some files as they are."""
        overlay = listed(self.root, "-co", "--exclude-standard", "--", *paths)  # those that were deleted, too
        author = ["-c", "user.name=lid ablate", "-c", "user.email=lid@localhost"]
        cache = self.root / _dvc(self.root, "cache", "dir").removesuffix("\n")
        copies = [Copy(self, self._copies / str(index), overlay, stages) for index in range(number)]
        for copy in copies:
            git(self.root, "clone", "--quiet", "--shared", "--no-tags", *author, str(self.root), str(copy.folder))
            # A relative path does not hold the project's folder, which may have any name.
            _dvc(copy.folder, "config", "--local", "cache.dir", os.path.relpath(cache, copy.folder))
        return copies

    def seconds(self) -> dict[str, float]:
        """Return how long experiments took when they were run, by name."""
        with suppress(OSError, ValueError):
            found: dict[str, float] = json.loads((self.folder / "seconds.json").read_bytes())
            return found
        return {}

    def remember(self, name: str, seconds: float) -> None:
        """Keep the time that an experiment took."""
        files.replace(self.folder / "seconds.json", json.dumps(self.seconds() | {name: round(seconds, 1)}).encode())


@dataclass
class Copy:
    """A copy of the project, in which one experiment runs at a time."""

    project: Project
    folder: Path
    overlay: list[str]  # files that may differ from the commit
    stages: Collection[str]  # that experiments run
    name: str = ""  # of the experiment; empty if none runs
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """File with the output of the experiment."""
        return self.project.folder / "logs" / f"{self.name}.txt"

    def start(self, name: str, values: dict[str, Any]) -> None:
        """Start an experiment with other values in params.yaml."""
        self.name = name
        git(self.folder, "reset", "--quiet", "--hard")
        for path in self.overlay:
            target = self.folder / path
            target.unlink(missing_ok=True)  # it may be a link
            if (self.project.root / path).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.project.root / path, target)
        with _edited(self.folder / "params.yaml") as tree:
            put(tree, values)
        # DVC would fail on earlier outputs of these stages if its cache lacks them, as after a clone.
        with _edited(self.folder / "dvc.lock") as lock:
            for stage in set(lock["stages"]) & set(self.stages):
                del lock["stages"][stage]
        command = [*SUPERVISED, *DVC, "exp", "run", "--name", name, TARGET]
        self.log.parent.mkdir(exist_ok=True)
        self.log.unlink(missing_ok=True)  # it may be a link
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=_environment(), stdin=subprocess.PIPE, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def end(self) -> int:
        """End the experiment, with all of its stages, if it has not ended; return its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.communicate()  # closes its standard input
        return process.returncode

    def collect(self) -> None:
        """Fetch the finished experiment into the project; ProjectError if DVC kept none."""
        commit = git(self.folder, "rev-parse", "HEAD").strip()
        reference = f"{EXPERIMENTS}/{commit[:2]}/{commit[2:]}/{self.name}"
        words = ["--quiet", "--no-tags", "--no-write-fetch-head", str(self.folder), f"{reference}:{reference}"]
        git(self.project.root, "fetch", *words)


def run(copies: Sequence[Copy], trials: Mapping[str, Trial]) -> list[str]:
    """Run experiments by name, one per copy at once; print and return a sentence per failure.

    The others run all the same.
    """
    waiting, failures, began = list(trials), list[str](), dict[str, float]()
    progress = Progress("ablate", len(trials), "experiments")
    try:
        while waiting or any(copy.process for copy in copies):
            for copy in copies:
                if copy.process and copy.process.poll() is not None:
                    label = trials[copy.name].label
                    failure = _finish(copy, time.monotonic() - began[copy.name])
                    if failure:
                        failures.append(f"{label}: {failure}")
                        show_error(f"{failures[-1]}; its output is in {copy.log.relative_to(copy.project.root)}")
                    progress.update(1, printable(f"{label} failed" if failure else label))
                if not copy.process and waiting:
                    trial = trials[name := waiting.pop(0)]
                    began[name] = time.monotonic()
                    copy.start(name, trial.changes)
            time.sleep(POLL_INTERVAL_S)
    finally:
        for copy in copies:
            copy.end()
    return failures


def _finish(copy: Copy, seconds: float) -> str:
    """Collect an experiment; return how it failed, or nothing."""
    status, output = copy.end(), copy.log.read_text(encoding="utf-8", errors="replace")
    if status:
        return diagnose(output)
    try:
        copy.collect()
    except ProjectError as error:
        return f"DVC kept no experiment: {error}"
    if f"Running stage '{SLOWEST}'" in output:
        copy.project.remember(copy.name, seconds)
    return ""


def diagnose(output: str) -> str:
    r"""Return the stage that failed and its sentence, from the output of `dvc exp run`.

    >>> diagnose("Running stage 'train':\n> python -m stages.train\nerror: it is 2, not 1\nERROR: failed to ...\n")
    'stage train failed: it is 2, not 1'
    """
    _, found, own = output.rpartition("Running stage '")
    stage = own.partition("'")[0] if found else "none"
    lines = [line.strip() for line in own.splitlines() if line.strip() and not line.startswith("ERROR: failed to")]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    sentence = (said or lines or ["it printed nothing"])[-1].removeprefix("ERROR: ").rstrip(".")
    return f"stage {stage} failed: {shorten(sentence, MAX_SENTENCE_CHARACTERS)}"


def _dvc(folder: Path, *words: str) -> str:
    done = subprocess.run([*DVC, *words], cwd=folder, env=_environment(), capture_output=True, check=False)
    if done.returncode:
        raise ProjectError(f"`dvc {words[0]}` failed in {folder} ({last_line(done.stderr)})")
    return os.fsdecode(done.stdout)


def _environment() -> dict[str, str]:
    """Return an environment with the programs beside this Python first on PATH, even if it is not activated."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


@contextmanager
def _edited(path: Path) -> Iterator[Any]:
    """Yield the content of a YAML file; write it again with its comments, as DVC does."""
    from ruamel.yaml import YAML

    yaml = YAML()
    tree = yaml.load(path.read_text(encoding="utf-8"))
    yield tree
    with files.replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
