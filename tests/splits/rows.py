"""Recordings of made-up corpora, and their splits."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.params import Split
from pipeline.rows import SPLITS, RecordingRow, SplitRow

SPLIT = Split(val=0.15, test=0.2)


def recording(
    number: int,
    language: str,
    speaker: str,
    *,
    group: str = "",
    sha256: str = "",
    speech: str = "",
    seconds: float = 10,
    extra: dict[str, str] | None = None,
) -> RecordingRow:
    name = f"r{number}"
    return RecordingRow(
        name, f"{name}.wav", language, speaker, group or name, seconds, round(seconds * 16000), 16000, 1, "WAV/PCM_16",
        sha256 or name, -3.0, -20.0, 0.0, 0.0, speech or name, extra=extra or {},
    )  # fmt: skip


def independent(speakers: Mapping[str, int], rng: np.random.Generator | None = None) -> list[RecordingRow]:
    """A corpus with this number of speakers per language: equally long, or from talkative to taciturn."""
    who = [(language, f"{language}-{n}") for language, count in speakers.items() for n in range(count)]
    pieces = [
        (language, speaker, seconds)
        for language, speaker in who
        for seconds in ([10.0] if rng is None else rng.uniform(2, 20, int(rng.lognormal(3, 1)) + 1))
    ]
    return [recording(number, language, who, seconds=seconds) for number, (language, who, seconds) in enumerate(pieces)]


def placed(rows: Sequence[RecordingRow], split_of: Mapping[str, str]) -> dict[str, list[SplitRow]]:
    """Rows of splits/*.csv."""
    return {
        name: [
            SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s)
            for row in rows
            if split_of[row.recording] == name
        ]
        for name in SPLITS
    }


def shares(rows: Sequence[RecordingRow], split_of: Mapping[str, str], language: str) -> dict[str, float]:
    """Share of the hours of a language that each split has."""
    mine = [row for row in rows if row.language == language]
    seconds = sum(row.duration_s for row in mine)
    return {name: sum(row.duration_s for row in mine if split_of[row.recording] == name) / seconds for name in SPLITS}
