"""The comparison of an ablation in the report: its rows by cell, and its drawing, also as a file of its own."""

import hashlib
from collections.abc import Sequence

from pipeline.report.drawing import drawing, standalone
from pipeline.report.figures import points
from pipeline.rows import ComparisonRow

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
    cells = by_cell(rows)
    series = {
        name: [(cell[measure].mean, cell[measure].low, cell[measure].high) for cell in cells.values()]
        for measure, name in DRAWN.items()
    }
    return points("Recording accuracy and macro recall of every cell, with 95 % intervals", list(cells), series)


def svg(rows: Sequence[ComparisonRow]) -> str:
    """Return the same figure as the content of a file."""
    with drawing():
        return standalone(figure(rows))
