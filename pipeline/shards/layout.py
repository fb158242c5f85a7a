"""features.zarr as it lies on the disk, and how tasks fill it: one task, one shard.

    mfcc       float32 [frame, coefficient]   chunks (1024, n_mfcc)  shards (65536, n_mfcc)
    speech     bool    [frame]                the same rows a chunk and a shard
    recording/ id, language, speaker, start, length: rows start:start+length belong to recording i, one chunk

                 shard 0                     shard 1
    ├────────────────────────────┼────────────────────────────┤
     recording 0 │ recording 1 │ recording 2 │ recording 3 ...     a recording may lie in two shards, or in many

Two tasks that wrote into one shard would corrupt it silently, so `deal` gives out whole ones. Every chunk of a shard
ends with its checksum, and every shard has its file; the group's attributes hold the checksums of all other files and,
as `sha256`, their own.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.codecs
import zarr.errors

SCHEMA = 2
CHUNK = 1024  # rows: 10 s, 256 kB of 64 coefficients
SHARD = 64 * CHUNK  # rows: 11 minutes, 16 MB
# The same bytes in a third of the time. For whole shards only: of a part of one, it would not compare the checksums.
WHOLE = {
    "codec_pipeline.path": "zarrs.ZarrsCodecPipeline",
    "threading.max_workers": 1,  # the workers are the parallelism
}
TABLE = ("id", "language", "speaker", "start", "length")  # arrays of the group `recording`
DESCRIBING = (  # all files but the group's own and the shards
    *(f"{name}/zarr.json" for name in ("mfcc", "speech", "recording", *(f"recording/{name}" for name in TABLE))),
    *(f"recording/{name}/c/0" for name in TABLE),
)


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
    starts = row_starts(lengths)
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


def packed(path: Path, start: int) -> Path:
    """The file that holds the MFCCs of the shard that begins at a row, compressed."""
    return file(path, array(zarr.open_group(path, mode="r"), "mfcc"), start)


def files(path: Path, rows: zarr.Array[Any]) -> Iterator[Path]:
    """The files of the shards of an array, in order."""
    return (file(path, rows, start) for start in range(0, rows.shape[0], _rows_per_shard(rows)))


def file(path: Path, rows: zarr.Array[Any], start: int) -> Path:
    """The file of the shard of an array that holds a row."""
    number = start // _rows_per_shard(rows)
    return path / rows.path / rows.metadata.encode_chunk_key((number, *(0,) * (rows.ndim - 1)))


def _rows_per_shard(rows: zarr.Array[Any]) -> int:
    return int((rows.shards or rows.chunks)[0])


def damaged(path: Path) -> Path | None:
    """The first file that is missing or is not what was written, of all but the shards."""
    try:
        attributes = json.loads((path / "zarr.json").read_bytes())["attributes"]
        if attributes.pop("sha256") != attributes_digest(attributes):
            return path / "zarr.json"
        sums = attributes["files"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return path / "zarr.json"
    for name in DESCRIBING:
        try:
            if hashlib.sha256((path / name).read_bytes()).hexdigest() != sums.get(name):
                return path / name
        except OSError:
            return path / name
    return None


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()


def array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def row_starts(lengths: Sequence[int]) -> list[int]:
    return [int(end) for end in np.cumsum([0, *lengths])[:-1]]
