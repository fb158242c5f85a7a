"""features.zarr as it lies on the disk, and how tasks fill it: one task, one shard.

    mfcc       float32 [frame, coefficient]   chunks (1024, n_mfcc)  shards (65536, n_mfcc)
    speech     bool    [frame]                the same rows a chunk and a shard
    recording/ id, language, speaker, start, length: rows start:start+length belong to recording i

                 shard 0                     shard 1
    ├────────────────────────────┼────────────────────────────┤
     recording 0 │ recording 1 │ recording 2 │ recording 3 ...     a recording may lie in two shards, or in many

Two tasks that wrote into one shard would corrupt it silently, so `deal` gives out whole ones. Every chunk ends with its
checksum, and what was never written reads as NaN.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.codecs
import zarr.errors

from pipeline.files import replace
from pipeline.mfcc import Features
from pipeline.silence import Flags

SCHEMA = 1
CHUNK = 1024  # rows: 10 s, 256 kB of 64 coefficients
SHARD = 64 * CHUNK  # rows: 11 minutes, 16 MB
# The same bytes in a third of the time. For whole shards only: of a part of one, it would not compare the checksums.
WHOLE = {
    "codec_pipeline.path": "zarrs.ZarrsCodecPipeline",
    "threading.max_workers": 1,  # the workers are the parallelism
}
WRITING = WHOLE | {"array.write_empty_chunks": True}  # a file that is not there is a mistake, not silence


@dataclass(frozen=True)
class Piece:
    """Frames first:first+count of a recording, and the row of the store at which they belong."""

    recording: int  # index into the table of recordings
    first: int
    count: int
    row: int


@dataclass(frozen=True)
class Shard:
    """Rows start:stop of the store, and what fills them."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]


def deal(lengths: Sequence[int]) -> Iterator[Shard]:
    """Deal recordings of these numbers of frames out to shards, in order, so that every row has one owner."""
    starts = _starts(lengths)
    total, recording = int(sum(lengths)), 0
    for start in range(0, total, SHARD):
        stop = min(start + SHARD, total)
        while starts[recording] + lengths[recording] <= start:
            recording += 1
        pieces, at = [], recording
        while at < len(lengths) and starts[at] < stop:
            low, high = max(start, starts[at]), min(stop, starts[at] + lengths[at])
            pieces.append(Piece(at, low - starts[at], high - low, low))
            at += 1
        yield Shard(start, stop, tuple(pieces))


def create(
    path: Path,
    ids: Sequence[str],
    languages: Sequence[str],
    speakers: Sequence[str],
    lengths: Sequence[int],
    n_mfcc: int,
    attributes: Mapping[str, Any],
) -> None:
    """Lay out an empty store for recordings of these numbers of frames.

    Parameters
    ----------
    attributes
        What made the features: plain JSON values, written beside the schema version.
    """
    rows = int(sum(lengths))
    with warnings.catch_warnings():
        # Strings of any length have no entry in the Zarr 3 specification yet; zarr and numpy read them.
        warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
        group = zarr.create_group(path, overwrite=True, attributes={"schema": SCHEMA, **attributes})
        table = group.create_group("recording")
        for name, strings in (("id", ids), ("language", languages), ("speaker", speakers)):
            table.create_array(name, data=np.array(list(strings), dtype=np.dtypes.StringDType()), chunks=(CHUNK,))
        for name, numbers in (("start", _starts(lengths)), ("length", lengths)):
            table.create_array(name, data=np.array(numbers, np.int64), chunks=(CHUNK,))
        # LZ4 behind a bit shuffle leaves 92 % of MFCCs, twenty times as fast as zstd, level 5, leaves 88 %.
        packing = zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle=zarr.codecs.BloscShuffle.bitshuffle)
        codecs = (packing, zarr.codecs.Crc32cCodec())
        group.create_array(
            "mfcc",
            shape=(rows, n_mfcc),
            dtype="float32",
            chunks=(CHUNK, n_mfcc),
            shards=(SHARD, n_mfcc),
            compressors=codecs,
            fill_value=np.nan,
            dimension_names=("frame", "coefficient"),
        )
        group.create_array(
            "speech",
            shape=(rows,),
            dtype="bool",
            chunks=(CHUNK,),
            shards=(SHARD,),
            compressors=codecs,
            dimension_names=("frame",),
        )


def write(path: Path, start: int, mfcc: Features | bytes, speech: Flags) -> None:
    """Write rows from `start` on: a whole shard, or a part of one that nobody else writes at the same time.

    Parameters
    ----------
    mfcc
        Shape (rows, n_mfcc), or what was in the file `packed` of a shard of the same frames.
    speech
        Shape (rows,).
    """
    with zarr.config.set(WRITING):
        group, rows = zarr.open_group(path, mode="r+"), slice(start, start + len(speech))
        array(group, "speech")[rows] = speech
        if isinstance(mfcc, bytes):
            replace(packed(path, start), mfcc)
        else:
            array(group, "mfcc")[rows] = mfcc


def packed(path: Path, start: int) -> Path:
    """The file that holds the MFCCs of the shard that begins at a row, compressed."""
    return path / "mfcc" / array(zarr.open_group(path, mode="r"), "mfcc").metadata.encode_chunk_key((start // SHARD, 0))


def give_up(path: Path, recordings: Sequence[str]) -> None:
    """Note recordings of which frames could not be computed: who reads the store passes them over."""
    zarr.open_group(path, mode="r+").attrs["killed"] = list(recordings)


def array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def _starts(lengths: Sequence[int]) -> list[int]:
    return [int(end) for end in np.cumsum([0, *lengths])[:-1]]
