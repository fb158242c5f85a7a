"""The scores of a finished experiment, read from DVC's cache."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ablation.experiments import Experiment
from pipeline.ablation.grid import Trial
from pipeline.errors import ProjectError
from pipeline.rows import TrialRow
from pipeline.scoring.bootstrap import Tally, tally

COMMIT_CHARACTERS = 10
FILES = ("evaluation/metrics.json", "evaluation/recordings.csv", "splits/test.csv", "manifests/summary.json")


@dataclass(frozen=True)
class Scored:
    """A trial with its scores, and its test recordings counted by speaker."""

    trial: Trial
    row: TrialRow
    counted: Tally


def read(root: Path, trial: Trial, experiment: Experiment, seconds: float | None, corpus: str) -> Scored:
    """Read the scores of an experiment.

    Parameters
    ----------
    seconds
        How long the experiment took, if it is known.
    corpus
        Id of the corpus.

    Raises
    ------
    ProjectError
        If the cache no longer has its files.
    """
    metrics, recordings, test, manifests = _files(root, experiment)
    scores, summary = json.loads(metrics), json.loads(manifests)
    mfcc = trial.settings.mfcc
    frames = sum(part["frames"] for part in summary["train"].values())
    row = TrialRow(
        experiment=experiment.name,
        commit=experiment.baseline[:COMMIT_CHARACTERS],
        corpus=corpus,
        seed=trial.seed,
        recording_accuracy=scores["recording_accuracy"],
        macro_recall=scores["macro_recall"],
        c_avg=scores["c_avg"],
        hours=round(frames * mfcc.hop_length / trial.settings.audio.sample_rate / 3600, 4),
        minutes=math.nan if seconds is None else round(seconds / 60, 2),
        extra=trial.cell.texts,
    )
    speaker_of = {line["recording"]: line["speaker"] for line in _rows(test)}
    return Scored(trial, row, _tally(_rows(recordings), speaker_of, trial.settings.corpus.languages))


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


def _tally(rows: list[dict[str, str]], speaker_of: Mapping[str, str], languages: tuple[str, ...]) -> Tally:
    posteriors: Any = [[float(row[language]) for language in languages] for row in rows]
    return tally(
        [speaker_of[row["recording"]] for row in rows],
        [row["language"] for row in rows],
        [row["predicted"] for row in rows],
        np.array(posteriors),
        languages,
    )


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
