"""`lid ablate` from its arguments to its files: trials, experiments, scores, comparison."""

import csv
import hashlib
import io
import itertools
import json
import math
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
from pipeline.rows import ComparisonRow, SourceRow, TrialRow
from pipeline.scoring import bootstrap
from pipeline.scoring.bootstrap import Tally, alike, tally

FOLDER = Path("ablation")
CORPUS = "artifacts/corpus/files.csv"
INPUTS = (CORPUS, "artifacts/versions.json")
DIGEST_CHARACTERS = 10  # of the name of an experiment
COMMIT_CHARACTERS = 10
SUMMARIES = ("evaluation/metrics.json", "manifests/summary.json")
TEST = ("evaluation/recordings.csv", "splits/test.csv")
UNHEARD = ("evaluation/other_recordings.csv", "splits/other.csv")  # of the sources that are left out
IMPORTED = ("pipeline", "stages", "params.yaml", "dvc.yaml", "dvc.lock", ".dvc/config", ".dvcignore")  # by trials


def ablate(sweeps: Sequence[str], n_seeds: int | None, n_jobs: int, over_sources: bool) -> bool:
    """Run the experiments of a grid here that are missing, then compare all and write the folder `ablation`.

    With `over_sources`, leave out every fold of the sources in turn, and compare the scores on them. Return False if
    an experiment failed.
    """
    project, failures = Project(Path()), list[str]()
    trials = grid.make(sweeps, n_seeds, plain_yaml.read(Path("params.yaml")), "params.yaml", over_sources)
    with project.exclusive():
        stages = graph.read(Path("dvc.yaml"))
        shared = graph.unaffected(stages, trials[0].changes)
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
        corpus = corpus_id(checksums.read(Path(CORPUS)))
        scored, of_sources, own = list[TrialScores](), list[SourceRow](), dict[str, list[float]]()
        # The folds of a cell with a seed follow one another; without --over sources, an experiment is alone.
        for _, names in itertools.groupby(named, lambda name: (named[name].texts, named[name].seed)):
            folds = list(names)
            if all(name in finished for name in folds):
                done = [_read(named[name], finished[name]) for name in folds]
                counted, minutes = _counted(done), sum(seconds.get(name, math.nan) for name in folds) / 60
                scored.append(TrialScores(_row(done, counted, minutes, corpus), counted))
                for one in done if over_sources else ():
                    of_sources += _of_sources(one)
                    own.setdefault(one.trial.cell, []).append(one.metrics["macro_recall"])
    if scored:
        _write(scored, of_sources, trials, failures)
    for cell, recalls in own.items():
        name = f"{cell}: " if cell else ""
        print(f"{name}speakers not heard before: macro recall {np.mean(recalls):.1%}, mean over folds and seeds")
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


class Finished(NamedTuple):
    """A finished experiment, with what its scores are made of."""

    trial: Trial
    experiment: Experiment
    metrics: Any  # evaluation/metrics.json
    manifests: Any  # manifests/summary.json
    answers: list[dict[str, str]]  # lines on the test recordings or, if a fold of the sources is left out, on its own
    unit_of: dict[str, str]  # speaker of each recording or, if a fold of the sources is left out, its source


def _read(trial: Trial, experiment: Experiment) -> Finished:
    """Read the results of an experiment from DVC's cache; ProjectError if it no longer has them."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    names, unit = (TEST, "speaker") if trial.fold is None else (UNHEARD, "source")
    try:
        found = DVCFileSystem(rev=experiment.revision)
        metrics, manifests, answers, split = (found.read_bytes(f"/artifacts/{name}") for name in (*SUMMARIES, *names))
    except (OSError, DvcException) as error:
        raise ProjectError(
            f"the results of the experiment {experiment.name} are not in DVC's cache; "
            f"run `dvc exp remove {experiment.name}`, then `lid ablate` again"
        ) from error
    unit_of = {line["recording"]: line[unit] for line in _rows(split)}
    return Finished(trial, experiment, json.loads(metrics), json.loads(manifests), _rows(answers), unit_of)


def _counted(done: Sequence[Finished]) -> Tally:
    """Count the answers of the folds of a cell by speaker or, if sources are left out, by source."""
    trial, answers = done[0].trial, [line for one in done for line in one.answers]
    languages = trial.settings.trained_languages
    counted = tally(
        [one.unit_of[line["recording"]] for one in done for line in one.answers],
        [line["language"] for line in answers],
        [line["predicted"] for line in answers],
        np.array([[float(line[language]) for language in languages] for line in answers]),
        languages,
    )
    return counted if trial.fold is None else alike(counted)


def _of_sources(done: Finished) -> Iterator[SourceRow]:
    """Yield the recall and the mean confidence of each language of each source that was left out."""
    lines = sorted(
        (line["language"], done.unit_of[line["recording"]], line["predicted"], float(line["confidence"]))
        for line in done.answers
    )
    for (language, source), group in itertools.groupby(lines, operator.itemgetter(0, 1)):
        right, confidence = zip(*((predicted == language, sure) for *_, predicted, sure in group), strict=True)
        yield SourceRow(
            done.trial.cell, done.trial.seed, done.trial.fold or 0, language, source, len(right),
            round(float(np.mean(right)), 6), round(float(np.mean(confidence)), 6),
        )  # fmt: skip


def _row(done: Sequence[Finished], counted: Tally, minutes: float, corpus: str) -> TrialRow:
    """Return the scores of a cell with a seed, over the folds; hours are their mean, minutes their sum."""
    trial, first = done[0].trial, done[0].experiment
    scores = bootstrap.scores(counted, np.ones((1, len(counted.speakers))))
    frames = [sum(part["frames"] for part in one.manifests["train"].values()) for one in done]
    hours = float(np.mean(frames)) * trial.settings.mfcc.hop_length / trial.settings.audio.sample_rate / 3600
    return TrialRow(
        experiment=" ".join(one.experiment.name for one in done),
        commit=first.baseline[:COMMIT_CHARACTERS],
        corpus=corpus,
        seed=trial.seed,
        **{name: round(float(scores[name][0]), 6) for name in ("recording_accuracy", "macro_recall", "c_avg")},
        hours=round(hours, 4),
        minutes=round(minutes, 2),
        extra=trial.texts,
    )


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def _write(
    scored: Sequence[TrialScores], of_sources: Sequence[SourceRow], trials: Sequence[Trial], failures: Sequence[str]
) -> None:
    seeds = list(dict.fromkeys(trial.seed for trial in trials))
    rows = comparison.compare(scored, seeds)
    tables.write(FOLDER / "cells.csv", TrialRow, [trial.row for trial in scored])
    tables.write(FOLDER / "table.csv", ComparisonRow, rows)
    tables.write(FOLDER / "sources.csv", SourceRow, of_sources)
    commits = ", ".join(dict.fromkeys(row.commit for row in rows))
    measured = f"Commit {commits}; corpus {trials[0].settings.corpus.root}; seeds {', '.join(map(str, seeds))}."
    failed = [comparison.escaped(f"Failed: {failure}.") for failure in failures]
    explanation = comparison.explanation("sources" if of_sources else "speakers")
    page = comparison.markdown(
        rows, [explanation, comparison.escaped(measured), "![The same as a drawing](plot.svg)", *failed]
    )
    files.replace(FOLDER / "table.md", page.encode())
    files.replace(FOLDER / "plot.svg", svg(rows).encode())
    print()
    if of_sources:
        show_table(*comparison.by_source(of_sources))
        print()
    show_table(*comparison.table(rows, lambda number: f"* {number}"))
    print(f"\n{explanation}\n{printable(measured)}")
    print(
        f"written to {FOLDER}: cells, table and sources (CSV), table.md, plot.svg; `dvc repro` adds them to the report"
    )
