"""How tasks fill a feature store: one task, one shard."""

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

from pipeline.files import replace
from pipeline.mfcc import Features
from pipeline.shards import layout
from pipeline.shards.layout import (
    DESCRIBING,
    SCHEMA,
    WHOLE,
    Piece,
    array,
    attributes_digest,
    file,
    packed,
    row_starts,
)
from pipeline.silence.spans import Flags

# Slower, but zarr writes a shard that holds nothing but the fill value, which zarrs leaves out.
EMPTY = {"threading.max_workers": 1, "array.write_empty_chunks": True}


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
        for name, numbers in (("start", row_starts(lengths)), ("length", lengths)):
            table.create_array(name, data=np.array(numbers, np.int64), chunks=(recordings,))
        # LZ4 behind a bit shuffle leaves 92 % of MFCCs, twenty times as fast as zstd, level 5, leaves 88 %.
        packing = zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle=zarr.codecs.BloscShuffle.bitshuffle)
        codecs = (packing, zarr.codecs.Crc32cCodec())
        group.create_array(
            "mfcc",
            shape=(rows, n_mfcc),
            dtype="float32",
            chunks=(layout.CHUNK, n_mfcc),
            shards=(layout.SHARD, n_mfcc),
            compressors=codecs,
            fill_value=np.nan,
            dimension_names=("frame", "coefficient"),
        )
        group.create_array(
            "speech",
            shape=(rows,),
            dtype="bool",
            chunks=(layout.CHUNK,),
            shards=(layout.SHARD,),
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


def give_up(path: Path, pieces: Mapping[str, Sequence[Piece]]) -> None:
    """Note pieces of recordings, by id, that could not be computed: rows of NaN, passed over by whoever reads."""
    for piece in itertools.chain.from_iterable(pieces.values()):
        n_mfcc = array(zarr.open_group(path, mode="r"), "mfcc").shape[1]
        write(path, piece.row, np.full((piece.count, n_mfcc), np.nan, np.float32), np.zeros(piece.count, np.bool_))
    zarr.open_group(path, mode="r+").attrs["killed"] = list(pieces)
    _sign(path)


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
    group.attrs.put({**attributes, "sha256": attributes_digest(attributes)})
