"""One entry of a corpus to one row of ingest/recordings.csv, or of ingest/rejected.csv."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.audio.convert import convert
from pipeline.cluster.dispatch import HOW, Cause
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import RecordingRow, RejectedRow

TOGETHER = 16  # recordings a task


def batches(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Recordings in order, some a task."""
    return [entries[at : at + TOGETHER] for at in range(0, len(entries), TOGETHER)]


def ingest(
    entries: Sequence[Entry], root: Path, folder: Path, settings: params.Audio
) -> list[RecordingRow | RejectedRow]:
    """Decode every root/entry.path into folder/ID.wav and measure it."""
    return [_ingest(entry, root, folder, settings) for entry in entries]


def lost(entry: Entry, cause: Cause) -> RejectedRow:
    """Placeholder for a recording that could not be decoded."""
    detail = f"the task that decodes it {HOW[cause]}; convert it to WAV or FLAC again"
    print(f"{entry.path!r}: {detail}", flush=True)
    return RejectedRow(entry.path, cause, detail)


def _ingest(entry: Entry, root: Path, folder: Path, settings: params.Audio) -> RecordingRow | RejectedRow:
    try:
        measures = convert(root / entry.path, folder / f"{entry.id}.wav", settings.sample_rate, settings.min_duration)
    except AudioError as error:
        return RejectedRow(entry.path, error.reason, str(error))
    return RecordingRow(
        recording=entry.id,
        path=entry.path,
        language=entry.language,
        speaker=entry.speaker,
        group=entry.group or entry.id,
        duration_s=measures.samples / settings.sample_rate,
        extra=entry.extra,
        **dataclasses.asdict(measures),
    )


def consistent(recordings: Sequence[RecordingRow]) -> tuple[list[RecordingRow], list[RejectedRow]]:
    """Set apart recordings of the very same audio that are said to be of different languages: one of them is wrong."""
    said: dict[str, set[str]] = defaultdict(set)
    for row in recordings:
        said[row.sha256].add(row.language)
    detail = "has the same audio as a recording of another language; remove the wrong one"
    return (
        [row for row in recordings if len(said[row.sha256]) == 1],
        [RejectedRow(row.path, "contradiction", detail) for row in recordings if len(said[row.sha256]) > 1],
    )


def tolerate(rejected: Sequence[RejectedRow], kept: int, max_rejected: float) -> None:
    """Refuse a corpus of which too much can't be used.

    Raises
    ------
    CorpusError
        With the five commonest reasons, where the rejected share is above `max_rejected`.
    """
    total = kept + len(rejected)
    if len(rejected) <= max_rejected * total:
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(row.reason for row in rejected).most_common(5))
    raise CorpusError(
        f"{len(rejected)} of {total} recordings are rejected ({reasons}), above corpus.max_rejected {max_rejected}; "
        "mend those in ingest/rejected.csv or raise it"
    )
