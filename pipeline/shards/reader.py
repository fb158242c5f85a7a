"""Reads rows of features.zarr: their MFCCs and their speech flags."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from pipeline.arrays import Features, Flags
from pipeline.errors import ArtifactError
from pipeline.shards import layout
from pipeline.shards.layout import SCHEMA, TABLE_COLUMNS, ZARRS_CONFIG, open_array

SHARDS_IN_MEMORY = 8  # of speech flags, 64 kB each


class RowReader:
    """A features.zarr, open for reading rows. Everything is checked as it is read; damage raises an ArtifactError."""

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self.mfcc, self._speech = open_array(group, "mfcc"), open_array(group, "speech")
        with zarr.config.set(ZARRS_CONFIG):
            self._whole_shards = open_array(group, "mfcc")
        self.shard_rows = layout.rows_per_shard(self.mfcc)
        self.attributes: dict[str, Any] = dict(group.attrs)  # parameters, versions of libraries, checksums
        self.failed: frozenset[str] = frozenset(self.attributes.get("killed", ()))  # ids; some frames are NaN
        table = {name: np.asarray(open_array(group, f"recording/{name}")[:]) for name in TABLE_COLUMNS}
        self.ids: list[str] = [str(value) for value in table["id"]]
        self.languages: list[str] = [str(value) for value in table["language"]]
        self.speakers: list[str] = [str(value) for value in table["speaker"]]
        self.starts: NDArray[np.int64] = table["start"]
        self.lengths: NDArray[np.int64] = table["length"]  # rows starts[i]:starts[i]+lengths[i] are of recording i

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store.

        Raises
        ------
        ArtifactError
            If there is no store, it has another schema version, or one of its files is missing or damaged.
        """
        path = Path(path)
        try:
            schema = zarr.open_group(path, mode="r").attrs.get("schema")
        except Exception as error:  # zarr passes on any exception of its parsers and the file system
            raise ArtifactError(
                f"{path} is not a feature store: {path / 'zarr.json'} is missing or damaged; run `dvc repro`"
            ) from error
        if schema != SCHEMA:
            raise ArtifactError(f"{path} has schema {json.dumps(schema)}, this version reads {SCHEMA}; run `dvc repro`")
        if file := layout.find_damage(path):
            raise ArtifactError(f"{file} is missing or damaged; delete {path} and run `dvc repro`")
        reader = cls(path, zarr.open_group(path, mode="r"))
        for file in (*layout.shard_files(path, reader.mfcc), *layout.shard_files(path, reader._speech)):
            if not file.is_file() or not file.stat().st_size:  # zarr reads an empty file as fill values
                raise ArtifactError(f"{file} is missing or empty; delete {path} and run `dvc repro`")
        return reader

    def mfcc_rows(self, start: int, stop: int) -> Features:
        """MFCCs of rows start:stop of the store, shape (rows, n_mfcc)."""
        parts = [np.zeros((0, self.mfcc.shape[1]), np.float32)]
        for at in range(start - start % self.shard_rows, stop, self.shard_rows):
            end, first, last = at + self.shard_rows, max(start, at), min(stop, at + self.shard_rows)
            if 2 * (last - first) > self.shard_rows and end <= self.mfcc.shape[0]:  # the whole shard is faster to read
                parts.append(_read(self.path, self._whole_shards, at, end)[first - at : last - at])
            else:
                parts.append(_read(self.path, self.mfcc, first, last))
        return parts[1] if len(parts) == 2 else np.concatenate(parts)

    def speech_rows(self, start: int, stop: int) -> Flags:
        """Speech flags of rows start:stop of the store, shape (rows,)."""
        parts = [np.zeros(0, np.bool_)]
        for at in range(start - start % self.shard_rows, stop, self.shard_rows):
            parts.append(self._speech_of_shard(at)[max(start - at, 0) : stop - at])
        return np.concatenate(parts)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that differ between stores of different audio, speech or parameters."""
        return str(self.attributes["sha256"][:12])

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        try:
            return float(self.attributes["mfcc"]["hop_length"] / self.attributes["sample_rate"])
        except KeyError as error:
            raise ArtifactError(f"{self.path} does not state its {error}; run `dvc repro` to write it again") from error

    @functools.cached_property
    def _speech_of_shard(self) -> Callable[[int], Flags]:
        """Reads the flags of a shard and caches the last few: flags are read by recording but stored in shards."""
        path, speech, rows = self.path, self._speech, self.shard_rows

        @functools.lru_cache(maxsize=SHARDS_IN_MEMORY)
        def flags(start: int) -> Flags:
            found = np.asarray(_read(path, speech, start, start + rows), np.bool_)
            found.setflags(write=False)
            return found

        return flags

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_speech_of_shard"}


def _read(path: Path, array: zarr.Array[Any], start: int, stop: int) -> NDArray[Any]:
    """Read rows of one shard."""
    file = layout.shard_file(path, array, start)
    try:
        if not file.stat().st_size:  # zarr reads an empty file as fill values
            raise ValueError("the file is empty")
        return np.asarray(array[start:stop])
    except Exception as error:  # zarr passes on any exception of its codecs and the file system
        raise ArtifactError(
            f"{path}: rows {start}:{stop} of {array.basename} can't be read from {file} "
            f"({' '.join(str(error).split())}); delete {path} and run `dvc repro`"
        ) from error
