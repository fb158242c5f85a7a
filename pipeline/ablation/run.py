"""`lid ablate` from its arguments to its files: trials, experiments, scores, comparison."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline import checksums, files, programs, tables
from pipeline.ablation import comparison, experiments, graph, grid, scores
from pipeline.ablation.experiments import Project
from pipeline.ablation.grid import Trial
from pipeline.ablation.scores import TrialScores
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.params import plain_yaml
from pipeline.report.ablation import corpus_id, svg
from pipeline.rows import ComparisonRow, TrialRow

FOLDER = Path("ablation")
CORPUS = "artifacts/corpus/files.csv"
INPUTS = (CORPUS, "artifacts/versions.json")
DIGEST_CHARACTERS = 10
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
            scores.read(project.root, trial, finished[name], seconds.get(name), corpus)
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
