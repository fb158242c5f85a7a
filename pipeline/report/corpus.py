"""The recordings behind the scores: how their sound differs between languages and splits."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.report.figures import histograms
from pipeline.rows import RecordingRow, SplitRow

if TYPE_CHECKING:
    from markupsafe import Markup

BINS = 24


class Measure(NamedTuple):
    """A column of recordings.csv that is drawn."""

    column: str
    name: str
    unit: str


MEASURES = (
    Measure("duration_s", "length", "s"),
    Measure("rms_dbfs", "level", "dBFS"),
    Measure("noise_floor_dbfs", "noise floor", "dBFS"),
    Measure("bandwidth_hz", "bandwidth used", "Hz"),
)


def quality(
    recordings: Sequence[RecordingRow], splits: Mapping[str, Sequence[SplitRow]], languages: Sequence[str]
) -> dict[str, "Markup"]:
    """A figure per measure: its distribution in every split, language by language."""
    of = {row.recording: name for name, rows in splits.items() for row in rows}
    figures = {}
    for measure in MEASURES:
        values: dict[str, dict[str, list[float]]] = {name: {split: [] for split in splits} for name in languages}
        for row in recordings:
            if row.recording in of and row.language in values:
                values[row.language][of[row.recording]].append(getattr(row, measure.column))
        every = [value for series in values.values() for column in series.values() for value in column] or [0.0]
        low, high = np.percentile(every, [0.5, 99.5])
        bins = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        title = f"Recordings by {measure.name}, language and split"
        figures[measure.name] = histograms(title, f"{measure.name}, {measure.unit}", values, bins)
    return figures


def sources(splits: Mapping[str, Sequence[SplitRow]]) -> dict[str, dict[str, dict[str, tuple[float, int]]]]:
    """Minutes and speakers by language, source and split; empty if no recording names a source."""
    if not any(row.source for rows in splits.values() for row in rows):
        return {}
    minutes: dict[str, dict[str, dict[str, float]]] = {}
    voices: dict[tuple[str, str, str], set[str]] = {}
    for split, rows in splits.items():
        for row in rows:
            by_split = minutes.setdefault(row.language, {}).setdefault(row.source, dict.fromkeys(splits, 0.0))
            by_split[split] += row.duration_s / 60
            voices.setdefault((row.language, row.source, split), set()).add(row.speaker)
    return {
        language: {
            source: {split: (total, len(voices.get((language, source, split), ()))) for split, total in of.items()}
            for source, of in sorted(by_source.items())
        }
        for language, by_source in minutes.items()
    }
