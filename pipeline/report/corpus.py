"""The recordings behind the scores: how their sound differs between languages and splits."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.report.figures import histograms
from pipeline.rows import RecordingRow, SplitRow

BINS = 24
MEASURES = {
    "length": ("duration_s", "s"),
    "level": ("rms_dbfs", "dBFS"),
    "noise floor": ("noise_floor_dbfs", "dBFS"),
    "bandwidth used": ("bandwidth_hz", "Hz"),
}
"""Columns of recordings.csv that are drawn, and their units."""


def quality(
    recordings: Sequence[RecordingRow], splits: Mapping[str, Sequence[SplitRow]], languages: Sequence[str]
) -> dict[str, str]:
    """Draw the distribution of each measure in every split, language by language."""
    split_of = {row.recording: name for name, rows in splits.items() for row in rows}
    of: dict[str, dict[str, list[RecordingRow]]] = {name: {split: [] for split in splits} for name in languages}
    shown = [row for row in recordings if row.recording in split_of and row.language in of]
    for row in shown:
        of[row.language][split_of[row.recording]].append(row)
    figures = {}
    for measure, (column, unit) in MEASURES.items():
        values = {
            language: {split: [getattr(row, column) for row in rows] for split, rows in by_split.items()}
            for language, by_split in of.items()
        }
        low, high = np.percentile([getattr(row, column) for row in shown] or [0.0], [0.5, 99.5])
        bins = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        title = f"Recordings by {measure}, language and split"
        figures[measure] = histograms(title, f"{measure}, {unit}", values, bins)
    return figures


def sources(splits: Mapping[str, Sequence[SplitRow]]) -> dict[str, dict[str, dict[str, list[SplitRow]]]]:
    """Return the rows by language, source and split; empty if no recording names a source."""
    found: dict[str, dict[str, dict[str, list[SplitRow]]]] = {}
    for language, source in sorted({(row.language, row.source) for rows in splits.values() for row in rows}):
        found.setdefault(language, {})[source] = {
            split: [row for row in rows if (row.language, row.source) == (language, source)]
            for split, rows in splits.items()
        }
    return found if any(source for by_source in found.values() for source in by_source) else {}
