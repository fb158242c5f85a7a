"""Run the experiments of an ablation, some at once, each in its own copy of the project."""

import time
from collections.abc import Mapping, Sequence

from pipeline.ablation.experiments import Copy
from pipeline.ablation.grid import Trial
from pipeline.console.terminal import Progress, show_error
from pipeline.console.text import printable, shorten
from pipeline.errors import ProjectError

POLL_INTERVAL_S = 0.1
SLOWEST = "train"  # a trial is timed if this stage ran; otherwise it was restored
MAX_SENTENCE_CHARACTERS = 500


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
                    copy.start(name, trial.values | {"seed": trial.seed})
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
