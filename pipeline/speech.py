"""The task that finds the speech of some recordings, on any worker that sees the same files."""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline import audio, memo, params, silence
from pipeline.errors import DetectionError
from pipeline.memo import Memo
from pipeline.silence import Spans

TOGETHER = 600  # s of audio a task: some hundred milliseconds of work


@dataclass(frozen=True)
class Source:
    """A recording as the task needs it."""

    path: Path  # what ingest wrote
    samples: int
    sha256: str  # of the samples


@dataclass(frozen=True)
class Found:
    """The speech of a recording, and where that is from: `killed` where every worker died of it."""

    spans: Spans
    origin: memo.Origin | Literal["killed"]


def batches(sources: Sequence[Source], sample_rate: int) -> Iterator[list[Source]]:
    """Recordings in order, about ten minutes together; a longer one alone."""
    batch: list[Source] = []
    for source in sources:
        if batch and sum(one.samples for one in batch) + source.samples > TOGETHER * sample_rate:
            yield batch
            batch = []
        batch.append(source)
    if batch:
        yield batch


def find(sources: Sequence[Source], sample_rate: int, detection: params.Detection, kept: Memo) -> list[Found]:
    """The speech of each recording: from the memo where it has them, else as `silence.detect` finds them."""
    about = {"sample_rate": sample_rate, **dict(detection), "audio": [source.sha256 for source in sources]}
    entry = memo.name({"spans": about}, (silence, audio), ("numpy", "sox"))
    known, origin = kept.get(entry)
    if known is None:
        found = [_detect(source, sample_rate, detection) for source in sources]
        kept.put(entry, json.dumps([spans.tolist() for spans in found]).encode())
    else:
        found = [np.array(spans, np.int64).reshape(-1, 2) for spans in json.loads(known)]
    return [Found(spans, origin) for spans in found]


def killed(_: Source) -> Found:
    """What stands for a recording of which every worker died: none of it is speech."""
    return Found(np.zeros((0, 2), np.int64), "killed")


def _detect(source: Source, sample_rate: int, detection: params.Detection) -> Spans:
    read = functools.partial(audio.read, source.path)
    try:
        return silence.detect(read, source.samples, sample_rate, detection)
    except DetectionError as error:
        raise DetectionError(f"{source.path}: {error}") from None
