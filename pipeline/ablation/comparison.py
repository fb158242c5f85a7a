"""The comparison of the cells of a grid: means over their seeds, intervals, the best of each column, as tables."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.rows import ComparisonRow, Measure, SourceRow, TrialRow
from pipeline.scoring import bootstrap
from pipeline.scoring.bootstrap import Tally

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


@dataclass(frozen=True)
class TrialScores:
    """The scores of a trial, and its test recordings counted by speaker."""

    row: TrialRow
    counted: Tally


def compare(scored: Sequence[TrialScores], seeds: Sequence[int]) -> list[ComparisonRow]:
    """Compare the cells that have scores, in the order of their first trial.

    A cell that lacks one of the seeds is shown with fewer, and takes no part in the choice of the best.
    """
    cells: dict[str, list[TrialScores]] = {}
    for trial in scored:
        cells.setdefault(", ".join(trial.row.extra.values()), []).append(trial)
    speakers = bootstrap.draw({name for trial in scored for name in trial.counted.speakers})
    of_seeds = bootstrap.draw([_key(seed) for seed in seeds])
    replicates = {label: _replicates(trials, speakers, of_seeds) for label, trials in cells.items()}
    whole = {label: found for label, found in replicates.items() if len(cells[label]) == len(seeds)}
    best = {
        measure: _best(measure, len(seeds), {label: found[measure] for label, found in whole.items()})
        for measure in MEASURES
    }
    rows = []
    for label, trials in cells.items():
        first = trials[0].row
        for measure in MEASURES:
            values = [getattr(trial.row, measure) for trial in trials]
            low, high = bootstrap.interval(replicates[label][measure])
            rows.append(
                ComparisonRow(
                    cell=label,
                    seeds=len(trials),
                    commit=first.commit,
                    corpus=first.corpus,
                    measure=measure,
                    mean=round(float(_mean(np.array(values), np.ones(len(values)))), 6),
                    low=round(low, 6),
                    high=round(high, 6),
                    best=int(label == best[measure]),
                    extra=first.extra,
                )
            )
    return rows


def table(rows: Sequence[ComparisonRow], mark: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """Return a header and a line per cell: its parameters, its seeds and every measure, the best ones marked."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        line = lines.setdefault(row.cell, [*row.extra.values(), str(row.seeds)])
        line.append(mark(text(row)) if row.best else text(row))
    return [*rows[0].extra, "seeds", *HEADERS.values()], list(lines.values())


def by_source(rows: Sequence[SourceRow]) -> tuple[list[str], list[list[str]]]:
    """Return a header and a line per language and source that was left out: its mean recall in every cell."""
    cells = list(dict.fromkeys(row.cell for row in rows))
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault((row.language, row.source), {}).setdefault(row.cell, []).append(row.recall)
    lines = [
        [*name, *(f"{np.mean(of[cell]):.1%}" if cell in of else "–" for cell in cells)]
        for name, of in sorted(found.items())
    ]
    return ["language", "source left out", *(cell or "recall" for cell in cells)], lines


def markdown(rows: Sequence[ComparisonRow], notes: Sequence[str]) -> str:
    """Return the comparison as a page in Markdown, the best numbers bold; each note is a paragraph after it."""
    header, lines = table(rows, lambda number: f"**{number}**")
    n_parameters = len(rows[0].extra)
    bars = ["---"] * n_parameters + ["---:"] * (len(header) - n_parameters)
    named = [[*map(escaped, line[:n_parameters]), *line[n_parameters:]] for line in (header, *lines)]
    drawn = [f"| {' | '.join(line)} |" for line in (named[0], bars, *named[1:])]
    return "\n\n".join(["# Ablation", "\n".join(drawn), *notes]) + "\n"


def explanation(units: str) -> str:
    """Return what the numbers are, given what the intervals are over: speakers or sources."""
    return (
        f"Means over the seeds, with 95 % intervals over {units} and seeds. A number is marked if it is better than "
        f"that of every other cell in at least 97.5 % of the replicates of a bootstrap on the same {units} and seeds. "
        "Hours are those of training frames that count; minutes are those of a whole experiment."
    )


def escaped(text: str) -> str:
    r"""Return a text escaped for Markdown, on one line.

    >>> print(escaped("a|b *c* <d>"))
    a\|b \*c\* \<d>
    """
    return re.sub(r"([\\`*<|])", r"\\\1", " ".join(text.split()))


def text(row: ComparisonRow) -> str:
    """Return a number with its interval.

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
    trials: Sequence[TrialScores],
    speakers: Mapping[str, bootstrap.Replicates],
    of_seeds: Mapping[str, bootstrap.Replicates],
) -> dict[Measure, bootstrap.Replicates]:
    """Return every measure of a cell in every replicate."""
    found: dict[Measure, list[bootstrap.Replicates]] = {measure: [] for measure in MEASURES}
    for trial in trials:
        weights = np.array([speakers[name] for name in trial.counted.speakers]).T
        scores = bootstrap.scores(trial.counted, weights)
        for measure, values in found.items():
            values.append(scores.get(measure, np.full(bootstrap.REPLICATES, getattr(trial.row, measure))))
    weights = np.array([of_seeds[_key(trial.row.seed)] for trial in trials])
    return {measure: _mean(np.array(values), weights) for measure, values in found.items()}


def _key(seed: int) -> str:
    """Return a name of a seed; names are sorted as numbers are."""
    return f"{seed:010}"


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean over the seeds, the first axis, that have a value; nan if none has one."""
    mean = np.ma.average(np.ma.masked_invalid(values), axis=0, weights=weights)
    return np.asarray(np.ma.filled(mean, math.nan), np.float64)


def _best(measure: Measure, n_seeds: int, replicates: Mapping[str, bootstrap.Replicates]) -> str | None:
    """Return the label of the best cell, if there is one."""
    if measure not in SIGNS or (measure in BY_SEED and n_seeds < 2):
        return None
    table = [SIGNS[measure] * values for values in replicates.values()]
    if not table or np.isnan(table).any():  # a cell without a time could be the fastest
        return None
    at = bootstrap.clear_best(table)
    return None if at is None else list(replicates)[at]
