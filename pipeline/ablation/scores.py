"""The scores of a finished experiment, read from DVC's cache."""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.ablation.experiments import Experiment
from pipeline.ablation.grid import Trial
from pipeline.errors import ProjectError
from pipeline.rows import TrialRow
from pipeline.scoring.bootstrap import Tally, tally

COMMIT_CHARACTERS = 10
FILES = ("evaluation/metrics.json", "evaluation/recordings.csv", "splits/test.csv", "manifests/summary.json")


@dataclass(frozen=True)
class TrialScores:
    """The scores of a trial, and its test recordings counted by speaker."""

    row: TrialRow
    counted: Tally


def read(root: Path, trial: Trial, experiment: Experiment, seconds: float | None, corpus: str) -> TrialScores:
    """Read the scores of an experiment.

    Parameters
    ----------
    seconds
        Time that the experiment took, if it is known.
    corpus
        Id of the corpus.

    Raises
    ------
    ProjectError
        If the cache no longer has its files.
    """
    metrics, recordings, test, manifests = _files(root, experiment)
    scores, settings = json.loads(metrics), trial.settings
    frames = sum(part["frames"] for part in json.loads(manifests)["train"].values())
    row = TrialRow(
        experiment=experiment.name,
        commit=experiment.baseline[:COMMIT_CHARACTERS],
        corpus=corpus,
        seed=trial.seed,
        recording_accuracy=scores["recording_accuracy"],
        macro_recall=scores["macro_recall"],
        c_avg=scores["c_avg"],
        hours=round(frames * settings.mfcc.hop_length / settings.audio.sample_rate / 3600, 4),
        minutes=math.nan if seconds is None else round(seconds / 60, 2),
        extra=trial.texts,
    )
    languages, answers = settings.corpus.languages, _rows(recordings)
    speaker_of = {line["recording"]: line["speaker"] for line in _rows(test)}
    counted = tally(
        [speaker_of[line["recording"]] for line in answers],
        [line["language"] for line in answers],
        [line["predicted"] for line in answers],
        np.array([[float(line[language]) for language in languages] for line in answers]),
        languages,
    )
    return TrialScores(row, counted)


def _files(root: Path, experiment: Experiment) -> list[bytes]:
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        files = DVCFileSystem(str(root), rev=experiment.revision)
        return [files.read_bytes(f"/artifacts/{name}") for name in FILES]
    except (OSError, DvcException) as error:
        raise ProjectError(
            f"the results of the experiment {experiment.name} are not in DVC's cache; "
            f"run `dvc exp remove {experiment.name}`, then `lid ablate` again"
        ) from error


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
