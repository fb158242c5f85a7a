"""The layout of features.zarr on disk, and the rows that each part of the corpus owns.

    mfcc       float32 [frame, coefficient]   chunks (1024, n_mfcc)  shards (65536, n_mfcc)
    speech     bool    [frame]                the same rows per chunk and per shard
    recording/ id, language, speaker, start, length: rows start:start+length belong to recording i, one chunk

     shard 0              shard 1              shard 2
    ├────────────────────┼────────────────────┼────────────────────┤
     recording 0 │ recording 1 │              recording 2 │ recording 3 ...
     part 0                                   part 1

Two tasks that write into one shard corrupt it silently, so every part begins with a shard of its own. The rows that it
leaves over in its last shard are not written: they read as NaN, and take no space. Every chunk of a shard ends with its
checksum, and every shard has its own file. The group's attributes hold the checksums of all other files and, as
`sha256`, the checksum of the attributes themselves.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import zarr

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
    """Return a context in which zarr has its defaults and these changes, whatever the user configures."""
    import zarr

    defaults = {key: value for part in copy.deepcopy(zarr.config.defaults) for key, value in part.items()}
    return zarr.config.set(defaults | dict(changes or {}))


def row_starts(lengths: Sequence[int], parts: Iterable[range]) -> list[int]:
    """Return the first row of each recording, given the frames of each and the recordings of each part.

    >>> row_starts([300, 200, 100], [range(2), range(2, 3)]) == [0, 300, SHARD_ROWS]
    True
    """
    starts, row = [], 0
    for part in parts:
        row = -(-row // SHARD_ROWS) * SHARD_ROWS
        for number in part:
            starts.append(row)
            row += lengths[number]
    return starts


def shard_files(array: "zarr.Array[Any]", start: int = 0, stop: int | None = None) -> Iterator[str]:
    """Yield the files of the shards that hold rows start:stop of an array, named from the store on."""
    stop = array.shape[0] if stop is None else stop
    return (shard_file(array, row) for row in range(start, stop, rows_per_shard(array)))


def shard_file(array: "zarr.Array[Any]", row: int) -> str:
    """Return the file of the shard that holds a row of an array, named from the store on."""
    number = row // rows_per_shard(array)
    return f"{array.path}/{array.metadata.encode_chunk_key((number, *(0,) * (array.ndim - 1)))}"


def rows_per_shard(array: "zarr.Array[Any]") -> int:
    """Return rows per file of an array."""
    return int((array.shards or array.chunks)[0])


def open_group(place: Any, mode: Literal["r", "r+"]) -> "zarr.Group":
    """Open the group of a store in the format of this layout; any exception of zarr's parsers and the file system."""
    import zarr

    with configured():
        return zarr.open_group(place, mode=mode, zarr_format=ZARR_FORMAT)


def open_array(group: "zarr.Group", name: str) -> "zarr.Array[Any]":
    """Return an array of the store; KeyError if there is none of this name."""
    import zarr

    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    """Return the sha256 of the group's attributes, independent of their order."""
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()
