"""The comparison of an ablation in the report: its rows by cell, and its drawing, also as a file of its own."""

import hashlib
from collections.abc import Sequence

import numpy as np

from pipeline.report.drawing import SERIES, blank, drawing, standalone
from pipeline.report.figures import by_row
from pipeline.rows import ComparisonRow

LABEL_CHARACTERS = 24  # points need less room than bars with their values
DRAWN = {"recording_accuracy": "recording accuracy", "macro_recall": "macro recall"}


def corpus_id(listing: bytes) -> str:
    """Return the id of a corpus in the ablation's tables: a digest of corpus/files.csv."""
    return hashlib.sha256(listing).hexdigest()[:16]


def by_cell(rows: Sequence[ComparisonRow]) -> dict[str, dict[str, ComparisonRow]]:
    """Return the rows of each cell by measure; a cell is named by its values, in the order of `extra`."""
    cells: dict[str, dict[str, ComparisonRow]] = {}
    for row in rows:
        cells.setdefault(", ".join(row.extra.values()), {})[row.measure] = row
    return cells


def figure(rows: Sequence[ComparisonRow]) -> str:
    """Draw accuracy and macro recall of every cell as points with their intervals; call it inside `drawing()`."""
    from matplotlib.ticker import PercentFormatter

    cells = by_cell(rows)
    picture, axes = blank(0.8 + len(cells) * (0.08 + 0.1 * len(DRAWN)))
    for (measure, name), colour, offset in zip(DRAWN.items(), SERIES, (-0.15, 0.15), strict=False):
        shown, places = [cell[measure] for cell in cells.values()], np.arange(len(cells)) + offset
        axes.hlines(places, [row.low for row in shown], [row.high for row in shown], color=colour, linewidth=1)
        axes.plot([row.mean for row in shown], places, "o", color=colour, markersize=3, label=name)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(axis="x", alpha=0.4)
    title = "Recording accuracy and macro recall of every cell, with 95 % intervals"
    return by_row(picture, title, list(cells), LABEL_CHARACTERS)


def svg(rows: Sequence[ComparisonRow]) -> str:
    """Return the same figure as the content of a file."""
    with drawing():
        return standalone(figure(rows))
