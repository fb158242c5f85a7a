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
import itertools
import json
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

SCHEMA = 2
CHUNK = 1024  # rows: 10 s, 256 kB of 64 coefficients
SHARD = 64 * CHUNK  # rows: 11 minutes, 16 MB
# The same bytes in a third of the time. For whole shards only: of a part of one, it would not compare the checksums.
WHOLE = {
    "codec_pipeline.path": "zarrs.ZarrsCodecPipeline",
    "threading.max_workers": 1,  # the workers are the parallelism
}
# Slower, but zarr writes a shard that holds nothing but the fill value, which zarrs leaves out.
EMPTY = {"threading.max_workers": 1, "array.write_empty_chunks": True}
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
    rows, recordings = int(sum(lengths)), max(1, len(lengths))
    with warnings.catch_warnings(), zarr.config.set(EMPTY):
        # Strings of any length have no entry in the Zarr 3 specification yet; zarr and numpy read them.
        warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
        group = zarr.create_group(path, overwrite=True, attributes={"schema": SCHEMA, **attributes})
        table = group.create_group("recording")
        for name, strings in (("id", ids), ("language", languages), ("speaker", speakers)):
            table.create_array(name, data=np.array(list(strings), dtype=np.dtypes.StringDType()), chunks=(recordings,))
        for name, numbers in (("start", _starts(lengths)), ("length", lengths)):
            table.create_array(name, data=np.array(numbers, np.int64), chunks=(recordings,))
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
    _sign(path)


def write(path: Path, start: int, mfcc: Features | bytes, speech: Flags) -> None:
    """Write rows from `start` on: a whole shard, or a part of one that nobody else writes at the same time.

    Parameters
    ----------
    mfcc
        Shape (rows, n_mfcc), or what was in the file `packed` of a shard of the same frames.
    speech
        Shape (rows,).
    """
    rows = slice(start, start + len(speech))
    _put(path, "speech", rows, speech)
    if isinstance(mfcc, bytes):
        replace(packed(path, start), mfcc)
    else:
        _put(path, "mfcc", rows, mfcc)


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


def give_up(path: Path, pieces: Mapping[str, Sequence[Piece]]) -> None:
    """Note pieces of recordings, by id, that could not be computed: rows of NaN, passed over by whoever reads."""
    for piece in itertools.chain.from_iterable(pieces.values()):
        n_mfcc = array(zarr.open_group(path, mode="r"), "mfcc").shape[1]
        write(path, piece.row, np.full((piece.count, n_mfcc), np.nan, np.float32), np.zeros(piece.count, np.bool_))
    zarr.open_group(path, mode="r+").attrs["killed"] = list(pieces)
    _sign(path)


def damaged(path: Path) -> Path | None:
    """The first file that is missing or is not what was written, of all but the shards."""
    try:
        attributes = json.loads((path / "zarr.json").read_bytes())["attributes"]
        if attributes.pop("sha256") != _digest(attributes):
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


def _put(path: Path, name: str, rows: slice, values: Features | Flags) -> None:
    with zarr.config.set(WHOLE):
        into = array(zarr.open_group(path, mode="r+"), name)
        into[rows] = values
    if not file(path, into, rows.start).exists():
        with zarr.config.set(EMPTY):
            array(zarr.open_group(path, mode="r+"), name)[rows] = values


def _sign(path: Path) -> None:
    group = zarr.open_group(path, mode="r+")
    attributes = {key: value for key, value in group.attrs.asdict().items() if key != "sha256"}
    attributes["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in DESCRIBING}
    group.attrs.put({**attributes, "sha256": _digest(attributes)})


def _digest(attributes: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()


def array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def _starts(lengths: Sequence[int]) -> list[int]:
    return [int(end) for end in np.cumsum([0, *lengths])[:-1]]
