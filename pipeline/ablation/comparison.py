"""The comparison of the cells of a grid: means over their seeds, intervals, the best of each column, as tables."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.ablation.scores import Scored
from pipeline.rows import ComparisonRow, Measure
from pipeline.scoring import bootstrap

MEASURES: tuple[Measure, ...] = get_args(Measure)
SIGNS: Mapping[Measure, int] = {  # 1: more is better; hours are shown and not judged
    "recording_accuracy": 1,
    "macro_recall": 1,
    "c_avg": -1,
    "minutes": -1,
}
BY_SEED: tuple[Measure, ...] = ("hours", "minutes")  # one number per seed: no interval over one seed
HEADERS: Mapping[Measure, str] = {
    "recording_accuracy": "accuracy",
    "macro_recall": "macro recall",
    "c_avg": "C_avg",
    "hours": "hours used",
    "minutes": "minutes taken",
}
EXPLANATION = (
    "Means over the seeds, with 95 % intervals over speakers and seeds. A number is marked if it is better than that "
    "of every other cell in at least 97.5 % of the replicates of a bootstrap on the same speakers and seeds. Hours "
    "are those of training frames that count; minutes are those of a whole experiment."
)


def compare(scored: Sequence[Scored], seeds: Sequence[int]) -> list[ComparisonRow]:
    """Compare the cells that have scores, in the order of their first trial.

    A cell that lacks a seed is shown with fewer seeds, and takes no part in the choice of the best.

    Parameters
    ----------
    seeds
        Those that a whole cell has.
    """
    cells: dict[str, list[Scored]] = {}
    for trial in scored:
        cells.setdefault(trial.trial.cell.label, []).append(trial)
    speakers = bootstrap.draw({name for trial in scored for name in trial.counted.speakers})
    of_seeds = bootstrap.draw([f"{seed:010}" for seed in seeds])  # sorted as numbers
    replicates = {
        label: _replicates(trials, speakers, [of_seeds[f"{trial.row.seed:010}"] for trial in trials])
        for label, trials in cells.items()
    }
    whole = {label: found for label, found in replicates.items() if len(cells[label]) == len(seeds)}
    best = {measure: _best(measure, len(seeds), whole) for measure in MEASURES}
    rows = []
    for label, trials in cells.items():
        first = trials[0].row
        for measure in MEASURES:
            low, high = bootstrap.interval(replicates[label][measure])
            rows.append(
                ComparisonRow(
                    cell=label,
                    seeds=len(trials),
                    commit=first.commit,
                    corpus=first.corpus,
                    measure=measure,
                    mean=round(_mean([getattr(trial.row, measure) for trial in trials]), 6),
                    low=round(low, 6),
                    high=round(high, 6),
                    best=int(best[measure] == label),
                    extra=first.extra,
                )
            )
    return rows


def table(rows: Sequence[ComparisonRow], mark: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """One line per cell: its parameters, its seeds and every measure, the best ones marked."""
    cells: dict[str, list[ComparisonRow]] = {}
    for row in rows:
        cells.setdefault(row.cell, []).append(row)
    header = [*rows[0].extra, "seeds", *HEADERS.values()]
    lines = []
    for parts in cells.values():
        numbers = [mark(text(row)) if row.best else text(row) for row in parts]
        lines.append([*parts[0].extra.values(), str(parts[0].seeds), *numbers])
    return header, lines


def markdown(rows: Sequence[ComparisonRow], notes: Sequence[str]) -> str:
    """The comparison as a page in Markdown, the best numbers bold; each note is a paragraph after it."""
    header, lines = table(rows, lambda number: f"**{number}**")
    n_parameters = len(rows[0].extra)
    bars = ["---"] * n_parameters + ["---:"] * (len(header) - n_parameters)
    named = [[*map(escaped, line[:n_parameters]), *line[n_parameters:]] for line in (header, *lines)]
    drawn = [f"| {' | '.join(line)} |" for line in (named[0], bars, *named[1:])]
    return "\n\n".join(["# Ablation", "\n".join(drawn), EXPLANATION, *notes]) + "\n"


def escaped(text: str) -> str:
    r"""A text in Markdown, on one line.

    >>> print(escaped("a|b *c* <d>"))
    a\|b \*c\* \<d>
    """
    return re.sub(r"([\\`*<|])", r"\\\1", " ".join(text.split()))


def text(row: ComparisonRow) -> str:
    """A number with its interval.

    >>> row = ComparisonRow("mask", 3, "", "", "recording_accuracy", 0.9, 0.8123, 0.95, 0)
    >>> text(row)
    '90.0 % [81.2, 95.0]'
    """
    if math.isnan(row.mean):
        return "–"
    percent = row.measure in ("recording_accuracy", "macro_recall")
    scale, digits = (100, 1) if percent else (1, 3 if row.measure == "c_avg" else 2)
    mean, low, high = (f"{scale * value:.{digits}f}" for value in (row.mean, row.low, row.high))
    limits = "" if row.measure in BY_SEED and row.seeds < 2 else f" [{low}, {high}]"
    return f"{mean}{' %' if percent else ''}{limits}"


def _replicates(
    trials: Sequence[Scored],
    speakers: Mapping[str, bootstrap.Replicates],
    of_seeds: Sequence[bootstrap.Replicates],
) -> dict[Measure, bootstrap.Replicates]:
    """Every measure of a cell in every replicate."""
    found: dict[Measure, list[NDArray[np.float64]]] = {measure: [] for measure in MEASURES}
    for trial in trials:
        weights = np.array([speakers[name] for name in trial.counted.speakers]).T
        scores = bootstrap.scores(trial.counted, weights)
        for measure in MEASURES:
            constant = np.full(bootstrap.REPLICATES, getattr(trial.row, measure))
            found[measure].append(scores.get(measure, constant))
    return {measure: _weighted_mean(np.array(values), np.array(of_seeds)) for measure, values in found.items()}


def _weighted_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> bootstrap.Replicates:
    """Mean over the seeds, shape (seeds, replicates), that have a value; nan if none has one."""
    known = ~np.isnan(values)
    total: NDArray[np.float64] = np.where(known, weights, 0).sum(axis=0)
    summed = np.where(known, values * weights, 0).sum(axis=0)
    mean: bootstrap.Replicates = np.divide(summed, total, out=np.full_like(total, math.nan), where=total > 0)
    return mean


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _best(
    measure: Measure, n_seeds: int, replicates: Mapping[str, Mapping[Measure, bootstrap.Replicates]]
) -> str | None:
    """The label of the best cell, if there is one."""
    if measure not in SIGNS or (measure in BY_SEED and n_seeds < 2):
        return None
    table = [SIGNS[measure] * found[measure] for found in replicates.values()]
    if not table or np.isnan(table).any():  # a cell without a time could be the fastest
        return None
    at = bootstrap.clear_best(table)
    return None if at is None else list(replicates)[at]
