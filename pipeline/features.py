"""The task that fills one shard of the feature store, on any worker that sees the same files."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pipeline import audio, memo, mfcc, params, silence, store
from pipeline.errors import ArtifactError
from pipeline.memo import Memo
from pipeline.mfcc import Kernel
from pipeline.tables import Recording

PACKAGES = ("librosa", "numcodecs", "numpy", "scipy", "zarr")  # decide the bytes of a shard


@dataclass(frozen=True)
class Source:
    """A recording as the task needs it."""

    path: Path  # what ingest wrote
    samples: int
    sha256: str  # of the samples
    spans: silence.Spans


@dataclass(frozen=True)
class Job:
    """A shard and what its pieces come from.

    Attributes
    ----------
    sources
        Of each piece; their spans are those of the piece.
    entry
        Name of its MFCCs in the memo; None where it is not to have them.
    """

    shard: store.Shard
    sources: tuple[Source, ...]
    entry: str | None


FIXED = {"center": True, "window": "hann", "power": 2.0, "htk": False, "dct_type": 2, "norm": "ortho", "lifter": 0}
"""What `mfcc.kernel` takes as given, under librosa's names: written beside the parameters into the store."""


def lengths(sources: Sequence[Source], hop_length: int) -> list[int]:
    """Frames of every recording."""
    return [mfcc.frame_count(source.samples, hop_length) for source in sources]


def create(
    path: Path, recordings: Sequence[Recording], sources: Sequence[Source], settings: params.Mfcc, sample_rate: int
) -> None:
    """Lay out an empty store for these recordings, with all that makes its features in its attributes."""
    store.create(
        path,
        ids=[row.recording for row in recordings],
        languages=[row.language for row in recordings],
        speakers=[row.speaker for row in recordings],
        lengths=lengths(sources, settings.hop_length),
        n_mfcc=settings.n_mfcc,
        attributes={
            "sample_rate": sample_rate,
            "mfcc": dict(settings) | FIXED,
            "versions": {name: version(name) for name in sorted({*PACKAGES, "soundfile", "soxr"})},
        },
    )


def jobs(sources: Sequence[Source], settings: params.Mfcc, sample_rate: int, kept: Memo) -> list[Job]:
    """One job a shard; as many of them as the memo has room for are kept there."""
    shards = list(store.shards(lengths(sources, settings.hop_length)))
    entries = [_entry(shard, sources, settings, sample_rate) for shard in shards]
    admitted = kept.admit(entries, each=store.SHARD * settings.n_mfcc * 4)
    return [
        Job(shard, tuple(_sources(shard, sources, settings.hop_length)), entry if entry in admitted else None)
        for shard, entry in zip(shards, entries, strict=True)
    ]


def fill(jobs: Sequence[Job], path: Path, kernel: Kernel, top_db: float | None, kept: Memo) -> list[memo.Origin]:
    """Write shards into the store at `path`: MFCCs from the memo where it has them, else computed; speech flags."""
    return [_fill(job, path, kernel, top_db, kept) for job in jobs]


def killed(job: Job) -> memo.Origin:
    """What stands for a shard of which every worker died: an error, as its rows would be missing."""
    names = ", ".join(source.path.stem for source in job.sources)
    raise ArtifactError(
        f"every worker died of the features of {names}, the recordings of one shard; take out of the corpus what is "
        "special about them and run `dvc repro`: the other shards are in the memo"
    )


def _fill(job: Job, path: Path, kernel: Kernel, top_db: float | None, kept: Memo) -> memo.Origin:
    speech = np.concatenate(
        [
            silence.flags(source.spans, source.samples, kernel.hop_length, piece.first, piece.count)
            for piece, source in zip(job.shard.pieces, job.sources, strict=True)
        ]
    )
    packed, origin = kept.get(job.entry) if job.entry else (None, "computed")
    if packed is not None:
        store.write(path, job.shard, packed, speech)
        return origin
    features = np.empty((job.shard.stop - job.shard.start, kernel.cosines.shape[1]), np.float32)
    for piece, source in zip(job.shard.pieces, job.sources, strict=True):
        at = piece.row - job.shard.start
        read = functools.partial(audio.read, source.path)
        features[at : at + piece.count] = mfcc.compute(kernel, read, source.samples, piece.first, piece.count, top_db)
    store.write(path, job.shard, features, speech)
    if job.entry:
        kept.put(job.entry, store.packed(path, job.shard))
    return origin


def _entry(shard: store.Shard, sources: Sequence[Source], settings: params.Mfcc, sample_rate: int) -> str:
    pieces = [
        (sources[piece.recording].sha256, sources[piece.recording].samples, piece.first, piece.count)
        for piece in shard.pieces
    ]
    about = {"mfcc": dict(settings), "sample_rate": sample_rate, "pieces": pieces}
    return memo.name(about, (mfcc, audio, store), PACKAGES)


def _sources(shard: store.Shard, sources: Sequence[Source], hop_length: int) -> Iterator[Source]:
    """The sources of a shard's pieces, with the spans that reach into the piece."""
    for piece in shard.pieces:
        source = sources[piece.recording]
        first, last = piece.first * hop_length, (piece.first + piece.count) * hop_length
        spans = source.spans[(source.spans[:, 1] > first) & (source.spans[:, 0] <= last)]
        yield dataclasses.replace(source, spans=spans)
