"""Writes features.zarr: lays it out empty, then fills it, one task per shard."""

import hashlib
import itertools
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.codecs
import zarr.errors

from pipeline.arrays import Features, Flags
from pipeline.files import replace
from pipeline.shards import layout
from pipeline.shards.layout import (
    CHECKSUMMED_FILES,
    SCHEMA,
    ZARRS_CONFIG,
    Piece,
    attributes_digest,
    mfcc_file,
    open_array,
    open_group,
    row_starts,
    shard_file,
)

# Slower, but zarr writes a shard that holds nothing but the fill value; zarrs omits it.
ZARR_CONFIG = {"threading.max_workers": 1, "array.write_empty_chunks": True}


def create(
    path: Path,
    ids: Sequence[str],
    languages: Sequence[str],
    speakers: Sequence[str],
    lengths: Sequence[int],
    n_mfcc: int,
    attributes: Mapping[str, Any],
) -> None:
    """Lay out an empty store.

    Parameters
    ----------
    ids, languages, speakers
        One string per recording.
    lengths
        Frames of each recording.
    attributes
        Everything that determines the features, as plain JSON values, written next to the schema version.
    """
    n_rows, table_chunk = int(sum(lengths)), (max(1, len(lengths)),)
    with warnings.catch_warnings(), layout.configured(ZARR_CONFIG):
        # The Zarr 3 specification does not cover strings of variable length yet; zarr and numpy read them.
        warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
        group = zarr.create_group(
            path, overwrite=True, zarr_format=layout.ZARR_FORMAT, attributes={"schema": SCHEMA, **attributes}
        )
        table = group.create_group("recording")
        for name, strings in (("id", ids), ("language", languages), ("speaker", speakers)):
            table.create_array(
                name,
                data=np.array(list(strings), dtype=np.dtypes.StringDType()),
                chunks=table_chunk,
                dimension_names=("recording",),
            )
        for name, numbers in (("start", row_starts(lengths)), ("length", lengths)):
            table.create_array(
                name, data=np.array(numbers, np.int64), chunks=table_chunk, dimension_names=("recording",)
            )
        # LZ4 after a bit shuffle packs MFCCs to 92 % of their size; zstd at level 5, to 88 % in twenty times the time.
        blosc = zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle=zarr.codecs.BloscShuffle.bitshuffle)
        codecs = (blosc, zarr.codecs.Crc32cCodec())
        group.create_array(
            "mfcc",
            shape=(n_rows, n_mfcc),
            dtype="float32",
            chunks=(layout.CHUNK_ROWS, n_mfcc),
            shards=(layout.SHARD_ROWS, n_mfcc),
            compressors=codecs,
            fill_value=np.nan,
            dimension_names=("frame", "coefficient"),
        )
        group.create_array(
            "speech",
            shape=(n_rows,),
            dtype="bool",
            chunks=(layout.CHUNK_ROWS,),
            shards=(layout.SHARD_ROWS,),
            compressors=codecs,
            dimension_names=("frame",),
        )
    _sign(path)


def write(path: Path, start: int, mfcc: Features | bytes, speech: Flags) -> None:
    """Write rows from `start` on: a whole shard, or a part of one that no other task writes at the same time.

    Parameters
    ----------
    mfcc
        Shape (rows, n_mfcc), or the content of the `layout.mfcc_file` of a shard of the same frames.
    speech
        Shape (rows,).
    """
    rows = slice(start, start + len(speech))
    _put(path, "speech", rows, speech)
    if isinstance(mfcc, bytes):
        replace(mfcc_file(path, start), mfcc)
    else:
        _put(path, "mfcc", rows, mfcc)


def mark_failed(path: Path, pieces: Mapping[str, Sequence[Piece]]) -> None:
    """Mark recordings as failed, and fill their pieces that could not be computed with NaN.

    Parameters
    ----------
    pieces
        By id of the recording.
    """
    n_mfcc = open_array(open_group(path, "r"), "mfcc").shape[1]
    for piece in itertools.chain.from_iterable(pieces.values()):
        write(path, piece.row, np.full((piece.count, n_mfcc), np.nan, np.float32), np.zeros(piece.count, np.bool_))
    with layout.configured():
        open_group(path, "r+").attrs["killed"] = list(pieces)
    _sign(path)


def _put(path: Path, name: str, rows: slice, values: Features | Flags) -> None:
    with layout.configured(ZARRS_CONFIG):
        array = open_array(open_group(path, "r+"), name)
        array[rows] = values
    if not (path / shard_file(array, rows.start)).exists():
        with layout.configured(ZARR_CONFIG):
            open_array(open_group(path, "r+"), name)[rows] = values


def _sign(path: Path) -> None:
    """Write the checksums of the files and of the attributes into the attributes."""
    group = open_group(path, "r+")
    attributes = {key: value for key, value in group.attrs.asdict().items() if key != "sha256"}
    attributes["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in CHECKSUMMED_FILES}
    with layout.configured():
        group.attrs.put({**attributes, "sha256": attributes_digest(attributes)})
