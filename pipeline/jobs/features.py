"""The task that fills one shard of the feature store, on any worker that sees the same files."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline import mfcc, params
from pipeline.audio import convert
from pipeline.audio.wav import Reader, Wav
from pipeline.cluster.dispatch import HOW, Cause
from pipeline.jobs import memo
from pipeline.jobs.memo import Memo
from pipeline.mfcc import FIXED, Kernel
from pipeline.shards import layout, writer
from pipeline.silence.spans import Spans, frame_flags
from pipeline.tables import RecordingRow

Outcome = memo.Origin | Literal["lost"]  # lost: it killed every worker, or did not end
PACKAGES = ("librosa", "numcodecs", "numpy", "scipy", "zarr", "zarrs")  # decide the bytes of a shard


@dataclass(frozen=True)
class Source:
    """A recording as the task needs it."""

    wav: Wav
    spans: Spans


@dataclass(frozen=True)
class Part:
    """A piece of a shard and what it comes from; a task gets all parts of a shard.

    Attributes
    ----------
    source
        Its spans are those that reach into the piece.
    entry
        Name of the shard's MFCCs in the memo; None where it is not to have them.
    """

    shard: layout.Shard
    piece: layout.Piece
    source: Source
    entry: str | None


def lengths(sources: Sequence[Source], hop_length: int) -> list[int]:
    """Frames of every recording."""
    return [mfcc.frame_count(source.wav.samples, hop_length) for source in sources]


def create(
    path: Path, recordings: Sequence[RecordingRow], sources: Sequence[Source], settings: params.Mfcc, sample_rate: int
) -> None:
    """Lay out an empty store for these recordings, with all that makes its features in its attributes."""
    writer.create(
        path,
        ids=[row.recording for row in recordings],
        languages=[row.language for row in recordings],
        speakers=[row.speaker for row in recordings],
        lengths=lengths(sources, settings.hop_length),
        n_mfcc=settings.n_mfcc,
        attributes={
            "sample_rate": sample_rate,
            "mfcc": dict(settings) | FIXED,
            "content": _content(sources),
            "versions": {name: version(name) for name in sorted({*PACKAGES, "soundfile", "soxr"})},
        },
    )


def batches(sources: Sequence[Source], settings: params.Mfcc, sample_rate: int, kept: Memo) -> list[list[Part]]:
    """The parts of every shard; as many shards as the memo has room for are kept there."""
    dealt = list(layout.deal(lengths(sources, settings.hop_length)))
    entries = [_entry(shard, sources, settings, sample_rate) for shard in dealt]
    admitted = kept.admit(entries, each=layout.SHARD * settings.n_mfcc * 4)
    return [
        [
            Part(shard, piece, _within(sources[piece.recording], piece, settings.hop_length), entry)
            for piece in shard.pieces
        ]
        for shard, name in zip(dealt, entries, strict=True)
        for entry in [name if name in admitted else None]
    ]


def fill(parts: Sequence[Part], path: Path, kernel: Kernel, top_db: float | None, kept: Memo) -> list[Outcome]:
    """Write a shard into the store at `path`: MFCCs from the memo where it has them, else computed; speech flags.

    Some parts of a shard can be written as well, but then one after the other, by one worker at a time.
    """
    shard, start = parts[0].shard, parts[0].piece.row
    entry = parts[0].entry if len(parts) == len(shard.pieces) else None
    speech = [
        frame_flags(part.source.spans, part.source.wav.samples, kernel.hop_length, part.piece.first, part.piece.count)
        for part in parts
    ]
    packed, origin = kept.get(entry) if entry else (None, "computed")
    if packed is not None:
        writer.write(path, start, packed, np.concatenate(speech))
        return [origin] * len(parts)
    features = np.empty((sum(part.piece.count for part in parts), kernel.cosines.shape[1]), np.float32)
    for part in parts:
        piece, wav = part.piece, part.source.wav
        features[piece.row - start : piece.row - start + piece.count] = mfcc.compute(
            kernel, Reader(wav), wav.samples, piece.first, piece.count, top_db
        )
    writer.write(path, start, features, np.concatenate(speech))
    if entry:
        kept.put(entry, layout.packed(path, start))
    return [origin] * len(parts)


def lost(part: Part, cause: Cause) -> Outcome:
    """Placeholder for a part that could not be computed: its rows stay NaN."""
    print(f"{part.source.wav.name!r}: the task that computes its MFCCs {HOW[cause]}; it has none", flush=True)
    return "lost"


def _content(sources: Sequence[Source]) -> str:
    """The digest of the audio and of its speech: with the other attributes, all that rows and flags depend on."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.wav.sha256.encode() + source.spans.tobytes())
    return digest.hexdigest()


def _entry(shard: layout.Shard, sources: Sequence[Source], settings: params.Mfcc, sample_rate: int) -> str:
    pieces = [
        (wav.sha256, wav.samples, piece.first, piece.count)
        for piece in shard.pieces
        for wav in [sources[piece.recording].wav]
    ]
    about = {"mfcc": dict(settings), "sample_rate": sample_rate, "pieces": pieces}
    return memo.name(about, (mfcc, convert, writer), PACKAGES)


def _within(source: Source, piece: layout.Piece, hop_length: int) -> Source:
    """A source with only the spans that reach into the piece."""
    first, last = piece.first * hop_length, (piece.first + piece.count) * hop_length
    spans = source.spans[(source.spans[:, 1] > first) & (source.spans[:, 0] <= last)]
    return dataclasses.replace(source, spans=spans)
