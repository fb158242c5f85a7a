"""`lid ablate` from its arguments to its files: trials, experiments, scores, comparison."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import checksums, files, tables
from pipeline.ablation import comparison, graph, grid, schedule, scores
from pipeline.ablation.experiments import Project
from pipeline.ablation.grid import Trial
from pipeline.ablation.schedule import Failure
from pipeline.ablation.scores import Scored
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.params import plain_yaml
from pipeline.report.ablation import corpus_id, svg
from pipeline.rows import ComparisonRow, TrialRow

FOLDER = Path("ablation")
CORPUS = Path("artifacts") / "corpus" / "files.csv"
VERSIONS = Path("artifacts") / "versions.json"
DIGEST_CHARACTERS = 10
IMPORTED = ("pipeline", "stages", "params.yaml", "dvc.yaml", "dvc.lock", ".dvc/config", ".dvcignore")  # by trials


def ablate(root: Path, sweeps: Sequence[str], n_seeds: int | None, n_jobs: int) -> bool:
    """Run the experiments of a grid that are missing, then compare all and write the folder `ablation`.

    Returns
    -------
    bool
        False if an experiment failed.
    """
    project = Project(root)
    trials = grid.make(sweeps, n_seeds, plain_yaml.read(root / "params.yaml"), "params.yaml")
    with project.exclusive():
        stages = graph.read(root / "dvc.yaml")
        shared = graph.unaffected(stages, [*trials[0].cell.values, "seed"])
        project.reproduce(shared)
        content = _content(project, stages)
        named = {_name(trial, content): trial for trial in trials}
        missing = {name: trial for name, trial in named.items() if name not in project.experiments()}
        print(f"ablate: {len(named)} experiments, {len(named) - len(missing)} of them finished before", flush=True)
        failures = (
            schedule.run(project, missing, [*IMPORTED, *graph.sources(stages)], stages.keys() - shared, n_jobs)
            if missing
            else []
        )
        scored = _scores(project, named)
    if scored:
        _write(root, scored, list(dict.fromkeys(trial.seed for trial in trials)), failures)
    return not failures


def _content(project: Project, stages: graph.Stages) -> bytes:
    """Everything but the parameters that decides the results: stages, their code, the corpus, versions of packages."""
    paths = project.files(graph.sources(stages))
    present = [path for path in paths if (project.root / path).is_file()]
    digests = {path: hashlib.sha256((project.root / path).read_bytes()).hexdigest() for path in present}
    inputs = [hashlib.sha256((project.root / path).read_bytes()).hexdigest() for path in (CORPUS, VERSIONS)]
    return json.dumps([stages, digests, inputs], sort_keys=True).encode()


def _name(trial: Trial, content: bytes) -> str:
    """The name of a trial's experiment: the same if and only if its results are the same."""
    digest = hashlib.sha256(content + trial.settings.model_dump_json().encode()).hexdigest()
    return f"{trial.slug}-{digest[:DIGEST_CHARACTERS]}"


def _scores(project: Project, named: Mapping[str, Trial]) -> list[Scored]:
    finished, seconds = project.experiments(), project.seconds()
    corpus = corpus_id(checksums.read(project.root / CORPUS))
    return [
        scores.read(project.root, trial, finished[name], seconds.get(name), corpus)
        for name, trial in named.items()
        if name in finished
    ]


def _write(root: Path, scored: Sequence[Scored], seeds: Sequence[int], failures: Sequence[Failure]) -> None:
    rows = comparison.compare(scored, seeds)
    folder = root / FOLDER
    tables.write(folder / "cells.csv", TrialRow, [trial.row for trial in scored])
    tables.write(folder / "table.csv", ComparisonRow, rows)
    commits = ", ".join(dict.fromkeys(row.commit for row in rows))
    measured = f"Commit {commits}; corpus {scored[0].trial.settings.corpus.root}; seeds {', '.join(map(str, seeds))}."
    failed = [comparison.escaped(f"Failed: {failure.trial.label}: {failure.sentence}.") for failure in failures]
    page = comparison.markdown(rows, [comparison.escaped(measured), "![The same as a drawing](plot.svg)", *failed])
    files.replace(folder / "table.md", page.encode())
    files.replace(folder / "plot.svg", svg(rows).encode())
    print()
    show_table(*comparison.table(rows, lambda number: f"* {number}"))
    print(f"\n{comparison.EXPLANATION}\n{printable(measured)}")
    print(f"written to {FOLDER}: cells.csv, table.csv, table.md, plot.svg; `dvc repro` adds them to the report")
