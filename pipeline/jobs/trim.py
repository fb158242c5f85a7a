"""The task that finds the speech of some recordings, on any worker that sees the same files."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline import params
from pipeline.audio import convert
from pipeline.audio.wav import Reader, Wav
from pipeline.cluster.dispatch import HOW, Cause
from pipeline.errors import DetectionError
from pipeline.jobs import memo
from pipeline.jobs.memo import Memo
from pipeline.silence import sox
from pipeline.silence.sox import detect
from pipeline.silence.spans import Spans

TOGETHER = 600  # s of audio a task: some hundred milliseconds of work


@dataclass(frozen=True)
class Found:
    """The speech of a recording, and where that is from; lost: it killed every worker, or did not end."""

    spans: Spans
    origin: memo.Origin | Literal["lost"]


def batches(recordings: Sequence[Wav], sample_rate: int) -> Iterator[list[Wav]]:
    """Recordings in order, about ten minutes together; a longer one alone."""
    batch: list[Wav] = []
    for wav in recordings:
        if batch and sum(one.samples for one in batch) + wav.samples > TOGETHER * sample_rate:
            yield batch
            batch = []
        batch.append(wav)
    if batch:
        yield batch


def find(recordings: Sequence[Wav], sample_rate: int, detection: params.Detection, kept: Memo) -> list[Found]:
    """The speech of each recording: from the memo where it has them, else as `silence.detect` finds them."""
    about = {"sample_rate": sample_rate, **dict(detection), "audio": [wav.sha256 for wav in recordings]}
    entry = memo.name({"spans": about}, (sox, convert), ("numpy", "sox"))
    known, origin = kept.get(entry)
    if known is None:
        found = [_detect(wav, sample_rate, detection) for wav in recordings]
        kept.put(entry, json.dumps([spans.tolist() for spans in found]).encode())
    else:
        found = [np.array(spans, np.int64).reshape(-1, 2) for spans in json.loads(known)]
    return [Found(spans, origin) for spans in found]


def lost(wav: Wav, cause: Cause) -> Found:
    """Placeholder for a recording that could not be searched: none of it is speech."""
    print(f"{wav.name!r}: the task that looks for its speech {HOW[cause]}; it is taken as silence", flush=True)
    return Found(np.zeros((0, 2), np.int64), "lost")


def _detect(wav: Wav, sample_rate: int, detection: params.Detection) -> Spans:
    try:
        return detect(Reader(wav), wav.samples, sample_rate, detection)
    except DetectionError as error:
        raise DetectionError(f"{wav.name!r}: {error}") from None
