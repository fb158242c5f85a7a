"""The job of stage ingest: turn every entry of a corpus into a row of ingest/recordings.csv or ingest/rejected.csv."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import cluster, params
from pipeline.audio.wav import beside
from pipeline.cache import Cache, key
from pipeline.cluster import Job
from pipeline.corpus import layouts, remote
from pipeline.errors import CorpusError
from pipeline.fingerprint import matching
from pipeline.fingerprint.matching import Landmarks, tick_s
from pipeline.ingest.decoding import ingest, require_unchanged
from pipeline.ingest.part import Ingested, SourceFile
from pipeline.parts import count_reused
from pipeline.rows import DuplicateRow, RecordingRow, RejectedRow

if TYPE_CHECKING:
    from distributed import Client

BYTES_PER_S = 0.5e6  # of files in any format: slower than decoding 32 kbit/s MP3 on a busy machine
NAME_DIGITS = 16  # hexadecimal, of a container


def ingest_part(
    part: Sequence[SourceFile],
    *,
    left_out: frozenset[int],
    keep: bool,
    folder: Path,
    settings: params.Audio,
    cache: Cache,
) -> tuple[bytes, bool]:
    """Ingest the files of a part, or take the result from the cache.

    Returns
    -------
    result, reused
        A packed `Ingested`.
    """
    container = folder / f"{hashlib.sha256(part[0].name.encode()).hexdigest()[:NAME_DIGITS]}.wav"

    def compute() -> bytes:
        packed = ingest(part, container if keep else None, settings, left_out).pack()
        if keep:
            require_unchanged(part)
        return packed

    if left_out or not keep:
        return compute(), False
    listed = [dataclasses.asdict(entry) for file in part for entry in file.entries]
    addresses = [file.path for file in part if isinstance(file.path, str)]  # to which digests of stores belong
    content = {"audio": dict(settings), "entries": listed, "addresses": addresses}
    return cache.remember(key(content, INGEST.code, INGEST.packages), [container, beside(container)], compute)


INGEST: Job[SourceFile, tuple[bytes, bool]] = Job(
    name="ingest",
    unit="files",
    code=("audio", "corpus/entries.py", "fingerprint", "ingest"),
    packages=("av", "numpy", "scipy", "soundfile", "soxr"),
    function=ingest_part,
    label=lambda file: file.name,
    seconds=lambda file: file.size / BYTES_PER_S + remote.limit_s(file.path, file.size),
)
MODULES = ("pipeline.ingest.job", "pipeline.fingerprint.landmarks", "pipeline.audio.measure")
"""Modules that workers import as they start."""


def run(
    client: "Client",
    parts: Sequence[Sequence[SourceFile]],
    folder: Path,
    settings: params.Audio,
    cache: Cache,
    job: Job[SourceFile, tuple[bytes, bool]] = INGEST,
    keep: bool = True,
) -> tuple[Ingested, int]:
    """Decode the files of a corpus on a cluster, in order; return the recordings and the number of files reused.

    With keep False, they are checked and not written.
    """
    bound = {"folder": folder, "settings": settings, "cache": cache}
    packed = list(cluster.run(client, job, parts, shared=folder, keep=keep, **bound))
    reused = count_reused(parts, packed)
    packed.reverse()
    return Ingested.joined(Ingested.unpack(packed.pop()[0]) for _ in parts), reused  # packed once only, to save memory


def consistent(found: Ingested) -> Ingested:
    """Reject recordings of the same audio that are listed under different languages: one of them is wrong."""
    languages: dict[str, set[str]] = defaultdict(set)
    for row in found.rows:
        languages[row.sha256].add(row.language)
    same = [len(languages[row.sha256]) == 1 for row in found.rows]
    detail = "has the same audio as a recording of another language; remove the wrong one"
    contradicting = [
        RejectedRow(row.path, "contradiction", detail) for row in found.rows if len(languages[row.sha256]) > 1
    ]
    return Ingested([*compress(found.rows, same)], [*compress(found.landmarks, same)], found.rejected + contradicting)


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
    if layouts.too_many(rejected, accepted, max_rejected):
        raise CorpusError(
            f"{layouts.rejections(rejected, accepted)}, above corpus.max_rejected {max_rejected}; fix those in "
            "artifacts/ingest/rejected.csv or raise it"
        )


def summary(language: str, recordings: Sequence[RecordingRow]) -> dict[str, float]:
    """Return recordings, speakers and minutes of a language, as ingest/summary.json holds them."""
    rows = [row for row in recordings if row.language == language]
    return {
        "recordings": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "minutes": round(sum(row.duration_s for row in rows) / 60, 2),
    }
