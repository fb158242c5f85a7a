"""`lid ablate` from its arguments to its files: trials, experiments, scores, comparison."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import checksums, files, programs, tables
from pipeline.ablation import comparison, experiments, graph, grid
from pipeline.ablation.comparison import TrialScores
from pipeline.ablation.experiments import Experiment, Project
from pipeline.ablation.grid import Trial
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.errors import ProjectError
from pipeline.params import plain_yaml
from pipeline.report.ablation import corpus_id, svg
from pipeline.rows import ComparisonRow, TrialRow
from pipeline.scoring.bootstrap import tally

FOLDER = Path("ablation")
CORPUS = "artifacts/corpus/files.csv"
INPUTS = (CORPUS, "artifacts/versions.json")
DIGEST_CHARACTERS = 10  # of the name of an experiment
COMMIT_CHARACTERS = 10
FILES = ("evaluation/metrics.json", "evaluation/recordings.csv", "splits/test.csv", "manifests/summary.json")
IMPORTED = ("pipeline", "stages", "params.yaml", "dvc.yaml", "dvc.lock", ".dvc/config", ".dvcignore")  # by trials


def ablate(root: Path, sweeps: Sequence[str], n_seeds: int | None, n_jobs: int) -> bool:
    """Run the experiments of a grid that are missing, then compare all and write the folder `ablation`.

    Returns
    -------
    bool
        False if an experiment failed.
    """
    project, failures = Project(root), list[str]()
    trials = grid.make(sweeps, n_seeds, plain_yaml.read(root / "params.yaml"), "params.yaml")
    with project.exclusive():
        stages = graph.read(root / "dvc.yaml")
        shared = graph.unaffected(stages, [*trials[0].values, "seed"])
        project.reproduce(shared)
        sources = graph.sources(stages)
        content = _content(project, stages, sources)
        named = {_name(trial, content): trial for trial in trials}
        missing = {name: trial for name, trial in named.items() if name not in project.experiments()}
        print(f"ablate: {len(named)} experiments, {len(named) - len(missing)} of them finished before", flush=True)
        if missing:
            overlay, affected = [*IMPORTED, *sources], stages.keys() - shared
            failures = experiments.run(project.copies(min(n_jobs, len(missing)), overlay, affected), missing)
        finished, seconds = project.experiments(), project.seconds()
        corpus = corpus_id(checksums.read(root / CORPUS))
        scored = [
            _scores(project.root, trial, finished[name], seconds.get(name), corpus)
            for name, trial in named.items()
            if name in finished
        ]
    if scored:
        _write(root, scored, trials, failures)
    return not failures


def _content(project: Project, stages: graph.Stages, sources: Sequence[str]) -> bytes:
    """Return all that decides the results except the parameters: stages, code, corpus, versions of packages."""
    paths = [*programs.listed(project.root, "-co", "--exclude-standard", "--", *sources), *INPUTS]
    present = [path for path in paths if (project.root / path).is_file()]  # git lists deleted ones, too
    digests = {path: hashlib.sha256((project.root / path).read_bytes()).hexdigest() for path in present}
    return json.dumps([stages, digests], sort_keys=True).encode()


def _name(trial: Trial, content: bytes) -> str:
    """Return the name of a trial's experiment: the same if and only if its results are the same."""
    digest = hashlib.sha256(content + trial.settings.model_dump_json().encode()).hexdigest()
    return f"{trial.slug}-{digest[:DIGEST_CHARACTERS]}"


def _scores(root: Path, trial: Trial, experiment: Experiment, seconds: float | None, corpus: str) -> TrialScores:
    """Read the scores of an experiment from DVC's cache.

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
        found = DVCFileSystem(str(root), rev=experiment.revision)
        return [found.read_bytes(f"/artifacts/{name}") for name in FILES]
    except (OSError, DvcException) as error:
        raise ProjectError(
            f"the results of the experiment {experiment.name} are not in DVC's cache; "
            f"run `dvc exp remove {experiment.name}`, then `lid ablate` again"
        ) from error


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def _write(root: Path, scored: Sequence[TrialScores], trials: Sequence[Trial], failures: Sequence[str]) -> None:
    seeds = list(dict.fromkeys(trial.seed for trial in trials))
    rows = comparison.compare(scored, seeds)
    folder = root / FOLDER
    tables.write(folder / "cells.csv", TrialRow, [trial.row for trial in scored])
    tables.write(folder / "table.csv", ComparisonRow, rows)
    commits = ", ".join(dict.fromkeys(row.commit for row in rows))
    measured = f"Commit {commits}; corpus {trials[0].settings.corpus.root}; seeds {', '.join(map(str, seeds))}."
    failed = [comparison.escaped(f"Failed: {failure}.") for failure in failures]
    page = comparison.markdown(rows, [comparison.escaped(measured), "![The same as a drawing](plot.svg)", *failed])
    files.replace(folder / "table.md", page.encode())
    files.replace(folder / "plot.svg", svg(rows).encode())
    print()
    show_table(*comparison.table(rows, lambda number: f"* {number}"))
    print(f"\n{comparison.EXPLANATION}\n{printable(measured)}")
    print(f"written to {FOLDER}: cells.csv, table.csv, table.md, plot.svg; `dvc repro` adds them to the report")
