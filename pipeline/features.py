"""The job of stage features: compute MFCCs and speech flags of every recording into one Zarr store."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import cluster, params
from pipeline.arrays import Features, Flags, Spans
from pipeline.audio.wav import Reader, Wav
from pipeline.cache import Cache, key
from pipeline.cluster import Job
from pipeline.mfcc.kernel import FIXED, Kernel, frame_count, make_kernel
from pipeline.parts import count_reused
from pipeline.rows import RecordingRow
from pipeline.shards import layout
from pipeline.silence.spans import frame_flags
from pipeline.versions import installed

if TYPE_CHECKING:
    from distributed import Client

SAMPLES_PER_S = 1e6  # a tenth of the usual speed


@dataclass(frozen=True)
class Speech:
    """The audio of a recording, the spans of its speech, and its first row in the store."""

    wav: Wav
    spans: Spans
    start: int


def compute_part(
    part: Sequence[Speech],
    *,
    left_out: frozenset[int],
    keep: bool,
    path: Path,
    kernel: Kernel,
    settings: params.Mfcc,
    sample_rate: int,
    cache: Cache,
) -> tuple[frozenset[int], bool]:
    """Write the shards of a part into the store at `path`, or take them from the cache.

    Returns
    -------
    left_out, reused
        Positions of the recordings without features; and whether their MFCCs are from the cache.
    """
    from pipeline.shards import writer

    start = part[0].start
    frames = [frame_count(speech.wav.n_samples, kernel.hop_length) for speech in part]
    features = _features(part, frames, left_out, kernel, settings.top_db)
    flags = _flags(part, frames, left_out, kernel.hop_length)
    if not keep:
        for _ in features:
            pass
        return left_out, False
    if left_out:
        writer.write(path, "mfcc", start, features)
        writer.write(path, "speech", start, flags)
        return left_out, False
    with layout.configured():
        group = layout.open_group(path, "r")
        arrays = {name: layout.open_array(group, name) for name in ("mfcc", "speech")}

    def written(name: str, blocks: Iterator[Features] | Iterator[Flags], content: object) -> bool:
        def compute() -> bytes:
            writer.write(path, name, start, blocks)
            return b""

        stop = part[-1].start + frames[-1]
        outputs = [path / file for file in layout.shard_files(arrays[name], start, stop)]
        return cache.remember(key({name: content}, FEATURES.code, FEATURES.packages), outputs, compute)[1]

    audio = [speech.wav.sha256 for speech in part]
    reused = written("mfcc", features, [dict(settings), sample_rate, audio])
    spans = [hashlib.sha256(speech.spans.tobytes()).hexdigest() for speech in part]
    written("speech", flags, [kernel.hop_length, frames, spans])
    return left_out, reused


def _features(
    part: Sequence[Speech], frames: Sequence[int], left_out: frozenset[int], kernel: Kernel, top_db: float | None
) -> Iterator[Features]:
    """Yield the MFCCs of a part in blocks, NaN for the recordings that are left out."""
    from pipeline.mfcc import recording

    for position, (speech, count) in enumerate(zip(part, frames, strict=True)):
        read = Reader(speech.wav)
        for first in range(0, count, layout.SHARD_ROWS):
            rows = min(layout.SHARD_ROWS, count - first)
            if position in left_out:
                yield np.full((rows, kernel.cosines.shape[1]), np.nan, np.float32)
            else:
                yield recording.compute(kernel, read, speech.wav.n_samples, first, rows, top_db)


def _flags(part: Sequence[Speech], frames: Sequence[int], left_out: frozenset[int], hop_length: int) -> Iterator[Flags]:
    for position, (speech, count) in enumerate(zip(part, frames, strict=True)):
        spans = speech.spans[:0] if position in left_out else speech.spans
        yield frame_flags(spans, speech.wav.n_samples, hop_length, 0, count)


FEATURES: Job[Speech, tuple[frozenset[int], bool]] = Job(
    name="features",
    unit="recordings",
    code=("audio", "features.py", "mfcc", "shards"),
    # Includes those of ingest: the attributes of the store name everything that made it.
    packages=("librosa", "numba", "numcodecs", "numpy", "scipy", "soundfile", "soxr", "zarr", "zarrs"),
    function=compute_part,
    label=lambda speech: speech.wav.name,
    seconds=lambda speech: speech.wav.n_samples / SAMPLES_PER_S,
)
MODULES = ("pipeline.features", "pipeline.mfcc.recording", "pipeline.shards.writer")
"""Modules that workers import as they start."""


def lay_out(
    path: Path,
    recordings: Sequence[RecordingRow],
    wavs: Sequence[Wav],
    spans: Sequence[Spans],
    parts: Sequence[range],
    settings: params.Mfcc,
    sample_rate: int,
) -> list[list[Speech]]:
    """Create an empty feature store; return the recordings of each part with their rows.

    Parameters
    ----------
    wavs, spans
        Audio and speech of each recording.
    parts
        Positions of the recordings of each part.
    """
    from pipeline.shards import writer

    lengths = [frame_count(wav.n_samples, settings.hop_length) for wav in wavs]
    starts = layout.row_starts(lengths, parts)
    content = hashlib.sha256()  # with the other attributes, everything that rows and flags depend on
    for wav, speech in zip(wavs, spans, strict=True):
        content.update(wav.sha256.encode() + speech.tobytes())
    writer.create(
        path,
        ids=[row.recording for row in recordings],
        languages=[row.language for row in recordings],
        speakers=[row.speaker for row in recordings],
        starts=starts,
        lengths=lengths,
        n_mfcc=settings.n_mfcc,
        attributes={
            "sample_rate": sample_rate,
            "mfcc": dict(settings) | FIXED,
            "content": content.hexdigest(),
            "versions": installed(FEATURES.packages),
        },
    )
    sources = [Speech(*each) for each in zip(wavs, spans, starts, strict=True)]
    return [sources[part.start : part.stop] for part in parts]


def run(
    client: "Client",
    parts: Sequence[Sequence[Speech]],
    ids: Sequence[str],
    path: Path,
    kernel: Kernel,
    settings: params.Mfcc,
    sample_rate: int,
    cache: Cache,
) -> int:
    """Fill a store with the recordings of all parts, whose ids are in order; return how many come from the cache."""
    from pipeline.shards import writer

    bound: dict[str, Any] = {"path": path, "kernel": kernel, "settings": settings, "cache": cache}
    outcomes = list(cluster.run(client, FEATURES, parts, shared=path, sample_rate=sample_rate, **bound))
    placed = zip(accumulate(map(len, parts), initial=0), outcomes, strict=False)
    failed = [ids[first + position] for first, (out, _) in placed for position in sorted(out)]
    if failed:
        writer.mark_failed(path, failed)
    return count_reused(parts, outcomes)


def kernel_of(settings: params.Mfcc, sample_rate: int, cache: Cache) -> Kernel:
    """Return the kernel for these parameters, from the cache if it is there: librosa takes a second to import."""
    content = {"mfcc": dict(settings), "sample_rate": sample_rate}
    entry = key(content, ("mfcc/kernel.py",), ("librosa", "numpy", "scipy"))
    known = cache.read(entry)
    if known is not None:
        with np.load(io.BytesIO(known), allow_pickle=False) as arrays:
            return Kernel(arrays["window"], arrays["mel"], arrays["cosines"], settings.hop_length)
    kernel, file = make_kernel(settings, sample_rate), io.BytesIO()
    np.savez(file, window=kernel.window, mel=kernel.mel, cosines=kernel.cosines)
    cache.put(entry, file.getvalue())
    return kernel
