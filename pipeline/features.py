"""The task that fills one shard of the feature store, on any worker that sees the same files."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import audio, mfcc, params, silence, store


@dataclass(frozen=True)
class Source:
    """A recording as the task needs it."""

    path: Path  # what ingest wrote
    samples: int
    spans: silence.Spans


@dataclass(frozen=True)
class Job:
    """A shard and the recordings that its pieces come from, by their index."""

    shard: store.Shard
    sources: dict[int, Source]


FIXED = {"center": True, "window": "hann", "power": 2.0, "htk": False, "dct_type": 2, "norm": "ortho", "lifter": 0}
"""What `mfcc.kernel` takes as given, under librosa's names: written beside the parameters into the store."""


def lengths(sources: list[Source], hop_length: int) -> list[int]:
    """Frames of every recording."""
    return [mfcc.frame_count(source.samples, hop_length) for source in sources]


def jobs(sources: list[Source], hop_length: int) -> list[Job]:
    """One job a shard."""
    return [
        Job(shard, {piece.recording: sources[piece.recording] for piece in shard.pieces})
        for shard in store.shards(lengths(sources, hop_length))
    ]


def fill(job: Job, path: Path, settings: params.Mfcc, sample_rate: int) -> None:
    """Compute the MFCCs and speech flags of one shard and write it into the store at `path`."""
    kernel = _kernel(settings, sample_rate)
    features = np.empty((job.shard.stop - job.shard.start, settings.n_mfcc), np.float32)
    speech = np.empty(len(features), np.bool_)
    for piece in job.shard.pieces:
        source = job.sources[piece.recording]
        rows = slice(piece.row - job.shard.start, piece.row - job.shard.start + piece.count)
        read = functools.partial(audio.read, source.path)
        features[rows] = mfcc.compute(kernel, read, source.samples, piece.first, piece.count, settings.top_db)
        speech[rows] = silence.flags(source.spans, source.samples, settings.hop_length, piece.first, piece.count)
    store.write(path, job.shard, features, speech)


@functools.cache
def _kernel(settings: params.Mfcc, sample_rate: int) -> mfcc.Kernel:
    """Once a worker: librosa takes seconds to import."""
    return mfcc.kernel(settings, sample_rate)
