"""The job of stage trim: find the speech of every recording."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import cluster, params
from pipeline.arrays import Spans
from pipeline.audio.wav import Reader, Wav
from pipeline.cache import Cache, key
from pipeline.cluster import Job
from pipeline.errors import Defect, ProgramError
from pipeline.parts import count_reused
from pipeline.rows import RecordingRow
from pipeline.silence.recording import detect, detect_together

if TYPE_CHECKING:
    from distributed import Client

SAMPLES_PER_S = 1e6  # a tenth of the usual speed


def find(
    recordings: Sequence[Wav],
    *,
    left_out: frozenset[int],
    keep: bool,
    sample_rate: int,
    detection: params.Detection,
    cache: Cache,
) -> tuple[bytes, bool]:
    """Find the speech of the recordings of a part, or take it from the cache; none in those that are left out.

    Returns
    -------
    result, reused
        JSON: a list of spans per recording, null for those that are left out.
    """

    def compute() -> bytes:
        wavs = [wav for position, wav in enumerate(recordings) if position not in left_out]
        together = detect_together([(Reader(wav), wav.n_samples) for wav in wavs], sample_rate, detection)
        found: list[list[list[int]] | None] = [
            (_detect(wav, sample_rate, detection) if spans is None else spans).tolist()
            for wav, spans in zip(wavs, together, strict=True)
        ]
        for position in sorted(left_out):
            found.insert(position, None)
        return json.dumps(found).encode()

    if left_out or not keep:
        return compute(), False
    content = {"sample_rate": sample_rate, **dict(detection), "audio": [wav.sha256 for wav in recordings]}
    return cache.remember(key({"spans": content}, TRIM.code, TRIM.packages), [], compute)


TRIM: Job[Wav, tuple[bytes, bool]] = Job(
    name="trim",
    unit="recordings",
    code=("audio", "silence", "trim.py"),
    packages=("numba", "numpy", "sox"),
    function=find,
    label=lambda wav: wav.name,
    seconds=lambda wav: wav.n_samples / SAMPLES_PER_S,
)
MODULES = ("pipeline.trim", "pipeline.silence.compiled", "sox")
"""Modules that workers import as they start."""


def run(
    client: "Client",
    parts: Sequence[Sequence[Wav]],
    folder: Path,
    sample_rate: int,
    detection: params.Detection,
    cache: Cache,
) -> tuple[list[Spans | None], int]:
    """Find the speech of recordings on a cluster.

    Returns
    -------
    spans, reused
        Of every recording, None if its search failed; and the number of recordings taken from the cache.
    """
    bound: dict[str, Any] = {"sample_rate": sample_rate, "detection": detection, "cache": cache}
    found = list(cluster.run(client, TRIM, parts, shared=folder, **bound))
    spans = [
        None if spans is None else np.array(spans, np.int64).reshape(-1, 2)
        for content, _ in found
        for spans in json.loads(content)
    ]
    return spans, count_reused(parts, found)


def summary(language: str, recordings: Sequence[RecordingRow], found: Sequence[Spans | None]) -> dict[str, Any]:
    """Return the share of speech, the number of recordings without any, and those that failed."""
    mine = [(row, spans) for row, spans in zip(recordings, found, strict=True) if row.language == language]
    speech = [0 if spans is None else int(np.sum(spans[:, 1] - spans[:, 0])) for _, spans in mine]
    return {
        "speech": round(sum(speech) / sum(row.samples for row, _ in mine), 4),
        "without_speech": speech.count(0),
        "killed": [row.recording for row, spans in mine if spans is None],
    }


def _detect(wav: Wav, sample_rate: int, detection: params.Detection) -> Spans:
    try:
        return detect(Reader(wav), wav.n_samples, sample_rate, detection)
    except (Defect, ProgramError) as error:
        raise type(error)(f"{wav.name!r}: {error}") from error
