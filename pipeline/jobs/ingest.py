"""The job of stage ingest: turn every entry of a corpus into a row of ingest/recordings.csv or ingest/rejected.csv."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import params
from pipeline.audio import container
from pipeline.cluster import dispatch
from pipeline.cluster.job import BYTES_PER_S, COMPILE_S, FAILURE, Cause, Job
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError
from pipeline.fingerprint import matching
from pipeline.fingerprint.landmarks import Landmarks, tick_s
from pipeline.jobs.decoding import Decoded, SourceFile, ingest
from pipeline.rows import DuplicateRow, RecordingRow, RejectedRow

if TYPE_CHECKING:
    from distributed import Client

BATCH_BYTES = 8 << 20  # of files in one task, which writes one container: 4 minutes of 16-bit WAV, 30 of MP3
BATCH_FILES = 500


def batches(entries: Sequence[Entry], roots: Mapping[str, Path]) -> list[list[SourceFile]]:
    """The files of sorted entries in order, divided by their sizes: the number of workers does not matter."""
    batched: list[list[SourceFile]] = []
    total = 0
    for _, group in groupby(entries, key=lambda entry: (entry.source, entry.path)):
        together = tuple(group)
        size = together[0].stamp[0]
        if not batched or total + size > BATCH_BYTES or len(batched[-1]) == BATCH_FILES:
            batched.append([])
            total = 0
        path = roots[together[0].source] / together[0].path
        batched[-1].append(SourceFile(path, together, len(batched) - 1))
        total += size
    return batched


def placeholder(file: SourceFile, cause: Cause) -> list[Decoded | RejectedRow]:
    """The row of a file that could not be decoded."""
    detail = f"{FAILURE[cause]} that decoded it" if cause == "killed" else f"{FAILURE[cause]} while it was decoded"
    detail = f"{detail}; convert it to WAV or FLAC again"
    name = file.entries[0].name
    print(f"{name!r} {detail}", flush=True)
    return [RejectedRow(name, cause, detail)]


INGEST = Job(
    name="ingest",
    unit="files",
    code=("audio", "corpus", "fingerprint"),
    packages=("av", "numba", "numpy", "scipy", "soundfile", "soxr"),
    function=ingest,
    batches=batches,
    placeholder=placeholder,
    allowance_s=lambda file: file.size / BYTES_PER_S,
    compile_s=COMPILE_S,
)


def run(
    client: "Client",
    entries: Sequence[Entry],
    roots: Mapping[str, Path],
    folder: Path,
    settings: params.Audio,
    job: Job[SourceFile, list[Decoded | RejectedRow]] = INGEST,
    keep: bool = True,
) -> list[list[Decoded | RejectedRow]]:
    """Decode the recordings of a corpus on a cluster; those of each file in the order of the entries.

    With keep False, they are checked and not written.
    """
    tasks = job.batches(entries, roots)
    return dispatch.run(client, job, tasks, shared_folder=folder, target=folder, settings=settings, keep=keep)


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


def grouped(
    rows: Sequence[RecordingRow], landmarks: Sequence[Landmarks], sample_rate: int
) -> tuple[list[RecordingRow], list[DuplicateRow]]:
    """Find recordings of the same speech: the rows with their column `same_speech`, and the links found."""
    links = matching.find(landmarks)
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
    if len(rejected) > max_rejected * (accepted + len(rejected)):
        raise CorpusError(
            f"{layouts.rejections(rejected, accepted)}, above corpus.max_rejected {max_rejected}; fix those in "
            "artifacts/ingest/rejected.csv or raise it"
        )


def summary(language: str, recordings: Sequence[RecordingRow]) -> dict[str, float]:
    """Recordings, speakers and minutes of a language, as ingest/summary.json holds them."""
    rows = [row for row in recordings if row.language == language]
    return {
        "recordings": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "minutes": round(sum(row.duration_s for row in rows) / 60, 2),
    }


def placed(decoded: Sequence[Decoded], folder: Path, sample_rate: int) -> list[RecordingRow]:
    """Bring the recordings into their final containers and remove all other files; the rows with the places."""
    batches = [[item.place for item in group] for _, group in groupby(decoded, key=lambda item: item.batch)]
    places = list(container.arrange(folder, batches, sample_rate))
    for path in set(folder.iterdir()) - {place.path for place in places}:
        path.unlink()
    return [
        dataclasses.replace(item.row, file=place.path.name, first_sample=place.first)
        for item, place in zip(decoded, places, strict=True)
    ]
