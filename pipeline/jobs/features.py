"""The job of stage features: fill the feature store, one task per shard."""

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline import params
from pipeline.arrays import Spans
from pipeline.audio.wav import Reader, Wav
from pipeline.cluster import dispatch
from pipeline.cluster.job import COMPILE_S, FAILURE, SAMPLES_PER_S, Cause, Job
from pipeline.jobs.memo import Memo, Origin, key
from pipeline.mfcc.kernel import FIXED, Kernel, frame_count, make_kernel
from pipeline.rows import RecordingRow
from pipeline.shards import layout
from pipeline.shards.layout import Piece, Shard
from pipeline.silence.spans import frame_flags
from pipeline.versions import installed

if TYPE_CHECKING:
    from distributed import Client

Outcome = Origin | Literal["failed"]  # failed: it crashed every worker, or did not end
FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Source:
    """The parts of a recording that the task needs."""

    wav: Wav
    spans: Spans


@dataclass(frozen=True)
class Part:
    """A piece of a shard and its source; a task gets all parts of a shard.

    Attributes
    ----------
    source
        Its spans are those that overlap the piece.
    n_samples
        Samples from its first frame to the frame after its last.
    entry
        Key of the shard's MFCCs in the memo; None if they are not to be stored there.
    """

    shard: Shard
    piece: Piece
    source: Source
    n_samples: int
    entry: str | None


def lengths(sources: Sequence[Source], hop_length: int) -> list[int]:
    """Frames of every recording."""
    return [frame_count(source.wav.n_samples, hop_length) for source in sources]


def create(
    path: Path, recordings: Sequence[RecordingRow], sources: Sequence[Source], settings: params.Mfcc, sample_rate: int
) -> None:
    """Lay out an empty store for these recordings; its attributes hold everything that its features depend on."""
    from pipeline.shards import writer

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
            "versions": installed(FEATURES.packages),
        },
    )


def batches(sources: Sequence[Source], settings: params.Mfcc, sample_rate: int, memo: Memo) -> list[list[Part]]:
    """The parts of every shard; as many shards as the memo has room for are stored there."""
    hop_length = settings.hop_length
    shards = list(layout.deal(lengths(sources, hop_length)))
    entries = [_entry(shard, sources, settings, sample_rate) for shard in shards]
    admitted = memo.admit(entries, each_bytes=layout.SHARD_ROWS * settings.n_mfcc * FLOAT32_BYTES)

    def part(shard: Shard, piece: Piece, entry: str) -> Part:
        source = _within(sources[piece.index], piece, hop_length)
        return Part(shard, piece, source, piece.count * hop_length, entry if entry in admitted else None)

    return [[part(shard, piece, entry) for piece in shard.pieces] for shard, entry in zip(shards, entries, strict=True)]


def fill(parts: Sequence[Part], path: Path, kernel: Kernel, top_db: float | None, memo: Memo) -> list[Outcome]:
    """Write a shard into the store at `path`: speech flags, and MFCCs from the memo or computed.

    Parts of a shard can also be written separately, but one after the other, by one worker at a time.
    """
    from pipeline.mfcc import recording
    from pipeline.shards import writer

    shard, start = parts[0].shard, parts[0].piece.row
    entry = parts[0].entry if len(parts) == len(shard.pieces) else None
    speech = [
        frame_flags(part.source.spans, part.source.wav.n_samples, kernel.hop_length, part.piece.first, part.piece.count)
        for part in parts
    ]
    packed, origin = memo.get(entry) if entry else (None, "computed")
    if packed is not None:
        writer.write(path, start, packed, np.concatenate(speech))
        return [origin] * len(parts)
    features = np.empty((sum(part.piece.count for part in parts), kernel.cosines.shape[1]), np.float32)
    for part in parts:
        piece, wav = part.piece, part.source.wav
        features[piece.row - start : piece.row - start + piece.count] = recording.compute(
            kernel, Reader(wav), wav.n_samples, piece.first, piece.count, top_db
        )
    writer.write(path, start, features, np.concatenate(speech))
    if entry:
        memo.put(entry, layout.mfcc_file(path, start))
    return [origin] * len(parts)


def placeholder(part: Part, cause: Cause) -> Outcome:
    """The outcome of a part that could not be computed: its rows stay NaN."""
    print(f"{part.source.wav.name!r}: computing its MFCCs {FAILURE[cause]}; it has no features", flush=True)
    return "failed"


FEATURES = Job(
    name="features",
    unit="pieces",
    code=("audio", "mfcc", "shards"),
    # Includes those of ingest: the attributes of the store name everything that made it.
    packages=("librosa", "numba", "numcodecs", "numpy", "scipy", "soundfile", "soxr", "zarr", "zarrs"),
    function=fill,
    batches=batches,
    placeholder=placeholder,
    allowance_s=lambda part: part.n_samples / SAMPLES_PER_S,
    compile_s=COMPILE_S,
)


def run(
    client: "Client",
    recordings: Sequence[RecordingRow],
    sources: Sequence[Source],
    path: Path,
    settings: params.Mfcc,
    sample_rate: int,
    memo: Memo,
    job: Job[Part, Outcome] = FEATURES,
) -> list[Outcome]:
    """Write a feature store on a cluster; one outcome per piece of a shard."""
    kernel = kernel_of(settings, sample_rate, memo)  # first, while the workers start
    tasks = job.batches(sources, settings, sample_rate, memo)
    create(path, recordings, sources, settings, sample_rate)
    outcomes = dispatch.run(
        client, job, tasks, shared_folder=path, path=path, kernel=kernel, top_db=settings.top_db, memo=memo
    )
    pieces = [part.piece for parts in tasks for part in parts]
    failed: dict[str, list[Piece]] = {}
    for piece, outcome in zip(pieces, outcomes, strict=True):
        if outcome == "failed":
            failed.setdefault(recordings[piece.index].recording, []).append(piece)
    if failed:
        from pipeline.shards import writer

        writer.mark_failed(path, failed)
    return outcomes


def kernel_of(settings: params.Mfcc, sample_rate: int, memo: Memo) -> Kernel:
    """The kernel for these parameters, stored next to the memo: librosa takes a second to import."""
    kernels = Memo(memo.folder.with_name("kernels"))
    content = {"mfcc": dict(settings), "sample_rate": sample_rate}
    entry = key(content, ("mfcc/kernel.py",), ("librosa", "numpy", "scipy"))
    known, _ = kernels.get(entry)
    if known is not None:
        with np.load(io.BytesIO(known), allow_pickle=False) as arrays:
            return Kernel(arrays["window"], arrays["mel"], arrays["cosines"], settings.hop_length)
    kernel, file = make_kernel(settings, sample_rate), io.BytesIO()
    np.savez(file, window=kernel.window, mel=kernel.mel, cosines=kernel.cosines)
    kernels.put(entry, file.getvalue())
    return kernel


def _content(sources: Sequence[Source]) -> str:
    """Digest of the audio and of its speech: with the other attributes, everything that rows and flags depend on."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.wav.sha256.encode() + source.spans.tobytes())
    return digest.hexdigest()


def _entry(shard: Shard, sources: Sequence[Source], settings: params.Mfcc, sample_rate: int) -> str:
    pieces = []
    for piece in shard.pieces:
        wav = sources[piece.index].wav
        pieces.append((wav.sha256, wav.n_samples, piece.first, piece.count))
    content = {"mfcc": dict(settings), "sample_rate": sample_rate, "pieces": pieces}
    return key(content, FEATURES.code, FEATURES.packages)


def _within(source: Source, piece: Piece, hop_length: int) -> Source:
    """A source with only the spans that overlap the piece."""
    first, last = piece.first * hop_length, (piece.first + piece.count) * hop_length
    spans = source.spans[(source.spans[:, 1] > first) & (source.spans[:, 0] <= last)]
    return dataclasses.replace(source, spans=spans)
