"""Runs the experiments of an ablation, some at once, each in its own copy of the project."""

import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.ablation import experiments
from pipeline.ablation.experiments import Copy, Project
from pipeline.ablation.grid import Trial
from pipeline.console.terminal import Progress
from pipeline.console.text import printable, shorten

POLL_INTERVAL_S = 0.1
SLOWEST = "train"  # a trial is timed if this stage ran; otherwise it was restored
MAX_SENTENCE_CHARACTERS = 500


@dataclass(frozen=True)
class Failure:
    """A trial that failed, in which stage and why, and the file with its output."""

    trial: Trial
    stage: str
    sentence: str
    log: Path

    def __str__(self) -> str:
        return f"{self.trial.label}: stage {self.stage} failed: {self.sentence}; its output is in {self.log}"


@dataclass
class _Run:
    name: str
    trial: Trial
    copy: Copy
    process: "subprocess.Popen[bytes]"
    log: Path
    start: float


def run(
    project: Project, trials: Mapping[str, Trial], paths: Iterable[str], stages: Collection[str], n_jobs: int
) -> list[Failure]:
    """Run experiments by name. Each failure is printed and returned, and the others run all the same.

    Parameters
    ----------
    paths
        Files whose present state the experiments use, whether committed or not.
    stages
        Those that experiments run.
    """
    logs = project.folder / "logs"
    logs.mkdir(exist_ok=True)
    idle = [project.copy(number, paths, stages) for number in range(min(n_jobs, len(trials)))]
    waiting, running, failures = list(trials.items()), list[_Run](), list[Failure]()
    progress = Progress("ablate", len(trials), "experiments")
    try:
        while waiting or running:
            while waiting and idle:
                (name, trial), copy = waiting.pop(0), idle.pop()
                log = logs / f"{name}.txt"
                process = copy.start(name, trial.cell.values | {"seed": trial.seed}, log)
                running.append(_Run(name, trial, copy, process, log, time.monotonic()))
            for ended in [run for run in running if run.process.poll() is not None]:
                running.remove(ended)
                idle.append(ended.copy)
                note = ended.trial.label
                if failure := _finish(project, ended):
                    failures.append(failure)
                    print(printable(f"error: {failure}"), file=sys.stderr, flush=True)
                    note += " failed"
                progress.update(1, printable(note))
            time.sleep(POLL_INTERVAL_S)
    finally:
        for left in running:
            experiments.end(left.process)
    return failures


def _finish(project: Project, ended: _Run) -> Failure | None:
    output = ended.log.read_text(encoding="utf-8", errors="replace")
    if ended.process.returncode:
        return Failure(ended.trial, *diagnose(output), ended.log.relative_to(project.root))
    project.collect(ended.copy.folder)
    if ended.name not in project.experiments():
        return Failure(ended.trial, "none", "DVC kept no experiment", ended.log.relative_to(project.root))
    if f"Running stage '{SLOWEST}'" in output:
        project.remember(ended.name, time.monotonic() - ended.start)
    return None


def diagnose(output: str) -> tuple[str, str]:
    r"""The stage that failed and its sentence, from the output of `dvc exp run`.

    >>> diagnose("Running stage 'train':\n> python -m stages.train\nerror: it is 2, not 1\nERROR: failed to ...\n")
    ('train', 'it is 2, not 1')
    """
    stages = re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE)
    own = output.rpartition("Running stage '")[2]
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    others = [line for line in lines if not line.startswith("ERROR: failed to")]
    sentence = (said or others or ["it printed nothing"])[-1].removeprefix("ERROR: ").rstrip(".")
    return stages[-1] if stages else "none", shorten(sentence, MAX_SENTENCE_CHARACTERS)
