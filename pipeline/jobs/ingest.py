"""The job of stage ingest: turn every entry of a corpus into a row of ingest/recordings.csv or ingest/rejected.csv."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import params
from pipeline.audio.convert import convert
from pipeline.cluster import dispatch
from pipeline.cluster.job import BYTES_PER_S, FAILURE, Cause, Job
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError, CorpusError
from pipeline.fingerprint import matching
from pipeline.fingerprint.landmarks import Landmarks, tick_s
from pipeline.tables import DuplicateRow, RecordingRow, RejectedRow

if TYPE_CHECKING:
    from distributed import Client

    from pipeline.fingerprint.landmarker import Landmarker

RECORDINGS_PER_TASK = 16


@dataclass(frozen=True)
class Decoded:
    """A recording that can be used, with the landmarks of its speech."""

    row: RecordingRow
    landmarks: Landmarks


def batches(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Recordings in order, some per task."""
    return [entries[at : at + RECORDINGS_PER_TASK] for at in range(0, len(entries), RECORDINGS_PER_TASK)]


def ingest(entries: Sequence[Entry], root: Path, target: Path, settings: params.Audio) -> list[Decoded | RejectedRow]:
    """Decode every root/entry.path into target/ID.wav, measure it and find its landmarks."""
    from pipeline.fingerprint.landmarker import Landmarker  # with Numba, which only workers need

    landmarker = Landmarker(settings.sample_rate)
    rows = [_ingest(entry, root, target, settings, landmarker) for entry in entries]
    return [
        Decoded(row, landmarks) if isinstance(row, RecordingRow) else row
        for row, landmarks in zip(rows, landmarker.finish(), strict=True)
    ]


def placeholder(entry: Entry, cause: Cause) -> Decoded | RejectedRow:
    """The row of a recording that could not be decoded."""
    detail = f"{FAILURE[cause]} that decoded it" if cause == "killed" else f"{FAILURE[cause]} while it was decoded"
    detail = f"{detail}; convert it to WAV or FLAC again"
    print(f"{entry.path!r} {detail}", flush=True)
    return RejectedRow(entry.path, cause, detail)


INGEST = Job(
    name="ingest",
    unit="recordings",
    params=(
        "corpus.root",
        "corpus.layout",
        "corpus.languages",
        "corpus.speaker_table",
        "corpus.speaker_pattern",
        "corpus.max_rejected",
        "audio.sample_rate",
        "audio.min_duration",
    ),
    code=("audio", "corpus", "fingerprint"),
    packages=("numba", "numpy", "scipy", "soundfile", "soxr"),
    function=ingest,
    batches=batches,
    placeholder=placeholder,
    allowance_s=lambda entry: entry.stamp[0] / BYTES_PER_S,
)


def run(
    client: "Client",
    entries: Sequence[Entry],
    root: Path,
    folder: Path,
    settings: params.Audio,
    job: Job[Entry, Decoded | RejectedRow] = INGEST,
) -> list[Decoded | RejectedRow]:
    """Decode the recordings of a corpus on a cluster, one result per entry."""
    return dispatch.run(
        client, job, job.batches(entries), shared_folder=folder, root=root, target=folder, settings=settings
    )


def consistent(decoded: Sequence[Decoded]) -> tuple[list[Decoded], list[RejectedRow]]:
    """Separate recordings of the same audio that are listed under different languages: one of them is wrong."""
    languages: dict[str, set[str]] = defaultdict(set)
    for item in decoded:
        languages[item.row.sha256].add(item.row.language)
    detail = "has the same audio as a recording of another language; remove the wrong one"
    return (
        [item for item in decoded if len(languages[item.row.sha256]) == 1],
        [
            RejectedRow(item.row.path, "contradiction", detail)
            for item in decoded
            if len(languages[item.row.sha256]) > 1
        ],
    )


def grouped(decoded: Sequence[Decoded], sample_rate: int) -> tuple[list[RecordingRow], list[DuplicateRow]]:
    """Find recordings of the same speech: the rows with their column `same_speech`, and the links found."""
    rows = [item.row for item in decoded]
    links = matching.find([item.landmarks for item in decoded])
    labels = matching.components(len(rows), links)
    smallest: dict[int, str] = {}
    for row, label in zip(rows, labels, strict=True):
        smallest[label] = min(row.recording, smallest.get(label, row.recording))
    duplicates = [
        DuplicateRow(
            rows[link.first].recording,
            rows[link.second].recording,
            round(link.offset * tick_s(sample_rate), 2),
            link.matches,
        )
        for link in sorted(links, key=lambda link: (link.first, link.second))
    ]
    shared = [dataclasses.replace(row, same_speech=smallest[label]) for row, label in zip(rows, labels, strict=True)]
    return shared, duplicates


def check_rejected(rejected: Sequence[RejectedRow], accepted: int, max_rejected: float) -> None:
    """Refuse a corpus if too much of it is rejected.

    Raises
    ------
    CorpusError
        With the five commonest reasons, if the rejected share is above `max_rejected`.
    """
    total = accepted + len(rejected)
    if len(rejected) <= max_rejected * total:
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(row.reason for row in rejected).most_common(5))
    raise CorpusError(
        f"{len(rejected)} of {total} recordings are rejected ({reasons}), above corpus.max_rejected {max_rejected}; "
        "fix those in ingest/rejected.csv or raise it"
    )


def summary(language: str, recordings: Sequence[RecordingRow]) -> dict[str, float]:
    """Recordings, speakers and minutes of a language, as ingest/summary.json holds them."""
    rows = [row for row in recordings if row.language == language]
    return {
        "recordings": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "minutes": round(sum(row.duration_s for row in rows) / 60, 2),
    }


def _ingest(
    entry: Entry, root: Path, folder: Path, settings: params.Audio, landmarker: "Landmarker"
) -> RecordingRow | RejectedRow:
    target = folder / f"{entry.id}.wav"
    landmarker.start()
    try:
        measures = convert(root / entry.path, target, settings.sample_rate, settings.min_duration, landmarker.accept)
    except AudioError as error:
        return RejectedRow(entry.path, error.reason, error.detail)
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
