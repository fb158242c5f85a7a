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
    of = {row.recording: name for name, rows in splits.items() for row in rows}
    figures = {}
    for measure, (column, unit) in MEASURES.items():
        values: dict[str, dict[str, list[float]]] = {name: {split: [] for split in splits} for name in languages}
        for row in recordings:
            if row.recording in of and row.language in values:
                values[row.language][of[row.recording]].append(getattr(row, column))
        every = [value for series in values.values() for of_split in series.values() for value in of_split] or [0.0]
        low, high = np.percentile(every, [0.5, 99.5])
        bins = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        title = f"Recordings by {measure}, language and split"
        figures[measure] = histograms(title, f"{measure}, {unit}", values, bins)
    return figures


def sources(splits: Mapping[str, Sequence[SplitRow]]) -> dict[str, dict[str, dict[str, tuple[float, int]]]]:
    """Return minutes and speakers by language, source and split; empty if no recording names a source."""
    if not any(row.source for rows in splits.values() for row in rows):
        return {}
    found: dict[str, dict[str, dict[str, tuple[float, int]]]] = {}
    for language, source in sorted({(row.language, row.source) for rows in splits.values() for row in rows}):
        of = {
            split: [row for row in rows if (row.language, row.source) == (language, source)]
            for split, rows in splits.items()
        }
        found.setdefault(language, {})[source] = {
            split: (sum(row.duration_s for row in rows) / 60, len({row.speaker for row in rows}))
            for split, rows in of.items()
        }
    return found
