"""The job of stage trim: find the speech of every recording."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline import params
from pipeline.arrays import Spans
from pipeline.audio.wav import Reader, Wav
from pipeline.cluster import dispatch
from pipeline.cluster.job import COMPILE_S, FAILURE, SAMPLES_PER_S, Cause, Job
from pipeline.errors import Defect, ProgramError
from pipeline.jobs.memo import Memo, Origin, key
from pipeline.rows import RecordingRow
from pipeline.silence.recording import detect, detect_together

if TYPE_CHECKING:
    from distributed import Client

SECONDS_PER_TASK = 600  # of audio: some hundred milliseconds of work


@dataclass(frozen=True)
class Found:
    """The speech of a recording, and the origin of that result; failed: it crashed every worker, or did not end."""

    spans: Spans
    origin: Origin | Literal["failed"]


def batches(recordings: Sequence[Wav], sample_rate: int) -> list[list[Wav]]:
    """Recordings in order, about ten minutes together; a longer one alone."""
    limit = SECONDS_PER_TASK * sample_rate
    batched: list[list[Wav]] = []
    total = 0
    for wav in recordings:
        if not batched or total + wav.n_samples > limit:
            batched.append([])
            total = 0
        batched[-1].append(wav)
        total += wav.n_samples
    return batched


def find(recordings: Sequence[Wav], sample_rate: int, detection: params.Detection, memo: Memo) -> list[Found]:
    """Take the speech of each recording from the memo, or find it."""
    content = {"sample_rate": sample_rate, **dict(detection), "audio": [wav.sha256 for wav in recordings]}
    entry = key({"spans": content}, TRIM.code, TRIM.packages)
    known, origin = memo.get(entry)
    if known is None:
        together = detect_together([(Reader(wav), wav.n_samples) for wav in recordings], sample_rate, detection)
        found = [
            _detect(wav, sample_rate, detection) if spans is None else spans
            for wav, spans in zip(recordings, together, strict=True)
        ]
        memo.put(entry, json.dumps([spans.tolist() for spans in found]).encode())
    else:
        found = [np.array(spans, np.int64).reshape(-1, 2) for spans in json.loads(known)]
    return [Found(spans, origin) for spans in found]


def placeholder(wav: Wav, cause: Cause) -> Found:
    """The result for a recording that could not be searched: none of it is speech."""
    print(f"{wav.name!r}: searching it for speech {FAILURE[cause]}; it is treated as silence", flush=True)
    return Found(np.zeros((0, 2), np.int64), "failed")


TRIM = Job(
    name="trim",
    unit="recordings",
    code=("audio", "silence"),
    packages=("numba", "numpy", "sox"),
    function=find,
    batches=batches,
    placeholder=placeholder,
    allowance_s=lambda wav: wav.n_samples / SAMPLES_PER_S,
    compile_s=COMPILE_S,
)


def run(
    client: "Client",
    recordings: Sequence[Wav],
    folder: Path,
    sample_rate: int,
    detection: params.Detection,
    memo: Memo,
    job: Job[Wav, Found] = TRIM,
) -> list[Found]:
    """Find the speech of recordings on a cluster, one result per recording."""
    return dispatch.run(
        client,
        job,
        job.batches(recordings, sample_rate),
        shared_folder=folder,
        sample_rate=sample_rate,
        detection=detection,
        memo=memo,
    )


def summary(language: str, recordings: Sequence[RecordingRow], found: Sequence[Found]) -> dict[str, Any]:
    """Share of speech, recordings without any, and those that failed, as trim/summary.json holds them."""
    mine = [(row, result) for row, result in zip(recordings, found, strict=True) if row.language == language]
    speech = [int(np.sum(result.spans[:, 1] - result.spans[:, 0])) for _, result in mine]
    return {
        "speech": round(sum(speech) / sum(row.samples for row, _ in mine), 4),
        "without_speech": speech.count(0),
        "killed": [row.recording for row, result in mine if result.origin == "failed"],
    }


def _detect(wav: Wav, sample_rate: int, detection: params.Detection) -> Spans:
    try:
        return detect(Reader(wav), wav.n_samples, sample_rate, detection)
    except (Defect, ProgramError) as error:
        raise type(error)(f"{wav.name!r}: {error}") from error
