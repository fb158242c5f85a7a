"""The layout of features.zarr on disk, and the rows that each task owns: one task, one shard.

    mfcc       float32 [frame, coefficient]   chunks (1024, n_mfcc)  shards (65536, n_mfcc)
    speech     bool    [frame]                the same rows per chunk and per shard
    recording/ id, language, speaker, start, length: rows start:start+length belong to recording i, one chunk

                 shard 0                     shard 1
    ├────────────────────────────┼────────────────────────────┤
     recording 0 │ recording 1 │ recording 2 │ recording 3 ...     a recording may span several shards

Two tasks that write into one shard corrupt it silently, so `deal` assigns whole shards. Every chunk of a shard ends
with its checksum, and every shard has its own file. The group's attributes hold the checksums of all other files and,
as `sha256`, the checksum of the attributes themselves.
"""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import zarr

    from pipeline.shards.source import Source

ZARR_FORMAT: Literal[3] = 3
SCHEMA = 2  # version of this layout
CHUNK_ROWS = 1024  # 10 s, 256 kB of 64 coefficients
SHARD_ROWS = 64 * CHUNK_ROWS  # 11 minutes, 16 MB
# Writes the same bytes in a third of the time. For whole shards only: reading part of a shard, it checks no checksums.
ZARRS_CONFIG = {
    "codec_pipeline.path": "zarrs.ZarrsCodecPipeline",
    "threading.max_workers": 1,  # Dask's workers already run in parallel
}
TABLE_COLUMNS = ("id", "language", "speaker", "start", "length")  # arrays of the group `recording`
CHECKSUMMED_FILES = (  # all files except the group's own and the shards
    *(f"{name}/zarr.json" for name in ("mfcc", "speech", "recording")),
    *(f"recording/{name}/zarr.json" for name in TABLE_COLUMNS),
    *(f"recording/{name}/c/0" for name in TABLE_COLUMNS),
)


def configured(changes: Mapping[str, Any] | None = None) -> Any:
    """Zarr with its own defaults and some changes, whatever the user's files and variables configure; a context."""
    import zarr

    defaults = {key: value for part in copy.deepcopy(zarr.config.defaults) for key, value in part.items()}
    return zarr.config.set(defaults | dict(changes or {}))


@dataclass(frozen=True)
class Piece:
    """Frames first:first+count of a recording, and the row of the store at which they begin."""

    index: int  # of the recording in the store
    first: int
    count: int
    row: int


@dataclass(frozen=True)
class Shard:
    """Rows start:stop of the store, and the pieces that fill them."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]


def deal(lengths: Sequence[int]) -> Iterator[Shard]:
    """Assign recordings of these lengths, in frames, to shards in order; every row has one owner.

    >>> [shard] = deal([300, 200])
    >>> shard.pieces
    (Piece(index=0, first=0, count=300, row=0), Piece(index=1, first=0, count=200, row=300))
    """
    starts = row_starts(lengths)
    total, index = int(sum(lengths)), 0
    for start in range(0, total, SHARD_ROWS):
        stop = min(start + SHARD_ROWS, total)
        while starts[index] + lengths[index] <= start:
            index += 1
        pieces, at = [], index
        while at < len(lengths) and starts[at] < stop:
            low, high = max(start, starts[at]), min(stop, starts[at] + lengths[at])
            pieces.append(Piece(at, low - starts[at], high - low, low))
            at += 1
        yield Shard(start, stop, tuple(pieces))


def row_starts(lengths: Sequence[int]) -> list[int]:
    """First row of each recording."""
    return [int(end) for end in np.cumsum([0, *lengths])[:-1]]


def mfcc_file(path: Path, row: int) -> Path:
    """File of the shard that holds the MFCCs of a row."""
    return path / shard_file(open_array(open_group(path, "r"), "mfcc"), row)


def shard_files(array: "zarr.Array[Any]") -> Iterator[str]:
    """Files of the shards of an array, in order, named from the store on."""
    return (shard_file(array, row) for row in range(0, array.shape[0], rows_per_shard(array)))


def shard_file(array: "zarr.Array[Any]", row: int) -> str:
    """File of the shard that holds a row of an array, named from the store on."""
    number = row // rows_per_shard(array)
    return f"{array.path}/{array.metadata.encode_chunk_key((number, *(0,) * (array.ndim - 1)))}"


def rows_per_shard(array: "zarr.Array[Any]") -> int:
    """Rows per file of an array."""
    return int((array.shards or array.chunks)[0])


def open_group(place: Any, mode: Literal["r", "r+"]) -> "zarr.Group":
    """The group of a store, in the format of this layout; any exception of zarr's parsers and the file system."""
    import zarr

    with configured():
        return zarr.open_group(place, mode=mode, zarr_format=ZARR_FORMAT)


def open_array(group: "zarr.Group", name: str) -> "zarr.Array[Any]":
    """An array of the store; KeyError if there is none of this name."""
    import zarr

    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def find_damage(source: "Source") -> str | None:
    """The first file, shards aside, that is missing or differs from what was written."""
    try:
        attributes = json.loads(source.read("zarr.json"))["attributes"]
        if attributes.pop("sha256") != attributes_digest(attributes):
            return "zarr.json"
        digests = attributes["files"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "zarr.json"
    for file in CHECKSUMMED_FILES:
        try:
            if hashlib.sha256(source.read(file)).hexdigest() != digests.get(file):
                return file
        except OSError:
            return file
    return None


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    """sha256 of the group's attributes, independent of their order."""
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()
