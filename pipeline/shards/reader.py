"""Reads rows of features.zarr: their MFCCs and their speech flags."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store

from pipeline.arrays import Features, Flags
from pipeline.console.text import shorten
from pipeline.errors import ArtifactError
from pipeline.shards import layout, source
from pipeline.shards.layout import SCHEMA, TABLE_COLUMNS, ZARRS_CONFIG, open_array
from pipeline.shards.source import Folder, StoreFiles

SHARDS_IN_MEMORY = 8  # of speech flags, 64 kB each


class RowReader:
    """A features.zarr, open for reading rows. Everything is checked as it is read; damage raises an ArtifactError."""

    def __init__(self, source: StoreFiles, group: zarr.Group) -> None:
        self.source = source
        with layout.configured():
            self.mfcc, self._speech = open_array(group, "mfcc"), open_array(group, "speech")
            table = {name: np.asarray(open_array(group, f"recording/{name}")[:]) for name in TABLE_COLUMNS}
        with layout.configured(ZARRS_CONFIG if isinstance(source, Folder) else {}):  # zarrs reads files itself
            self._whole_shards = open_array(group, "mfcc")
        self.shard_rows = layout.rows_per_shard(self.mfcc)
        self.attributes: dict[str, Any] = dict(group.attrs)  # parameters, versions of libraries, checksums
        self.failed: frozenset[str] = frozenset(self.attributes.get("killed", ()))  # ids; some frames are NaN
        self.ids: list[str] = [str(value) for value in table["id"]]
        self.languages: list[str] = [str(value) for value in table["language"]]
        self.speakers: list[str] = [str(value) for value in table["speaker"]]
        self.starts: NDArray[np.int64] = table["start"]
        self.lengths: NDArray[np.int64] = table["length"]  # rows starts[i]:starts[i]+lengths[i] are of recording i

    @classmethod
    def open(cls, place: Path | str | Store) -> Self:
        """Open a store.

        Parameters
        ----------
        place
            Its folder, a URL that fsspec knows, such as s3://bucket/features.zarr, or any Zarr store.

        Raises
        ------
        ArgumentError
            If the package for the URL's scheme is not installed.
        ArtifactError
            If there is no store, it has another schema version, or one of its files is missing or damaged.
        """
        return cls._of(source.make(place))

    @classmethod
    def _of(cls, place: StoreFiles) -> Self:
        try:
            group = layout.open_group(place.store, "r")
            schema = group.attrs.get("schema")
        except Exception as error:  # zarr passes on any exception of its parsers and the file system
            reason = shorten(str(error)) or type(error).__name__
            raise ArtifactError(
                f"{place.name} is not a feature store: {place.name}/zarr.json is missing or damaged ({reason}); "
                "run `dvc repro`, or name another"
            ) from error
        if schema != SCHEMA:
            raise ArtifactError(
                f"{place.name} has schema {json.dumps(schema)}, this version reads {SCHEMA}; run `dvc repro`"
            )
        if file := layout.find_damage(place):
            raise ArtifactError(f"{place.name}/{file} is missing or damaged; {place.remedy}")
        reader = cls(place, group)
        files = [*layout.shard_files(reader.mfcc), *layout.shard_files(reader._speech)]
        for file, size in zip(files, place.sizes(files), strict=True):
            if not size:  # zarr reads an empty file as fill values
                raise ArtifactError(f"{place.name}/{file} is missing or empty; {place.remedy}")
        return reader

    def mfcc_rows(self, start: int, stop: int) -> Features:
        """MFCCs of rows start:stop of the store, shape (rows, n_mfcc)."""
        parts = [np.zeros((0, self.mfcc.shape[1]), np.float32)]
        for at in range(start - start % self.shard_rows, stop, self.shard_rows):
            end, first, last = at + self.shard_rows, max(start, at), min(stop, at + self.shard_rows)
            if 2 * (last - first) > self.shard_rows and end <= self.mfcc.shape[0]:  # the whole shard is faster to read
                parts.append(_read(self.source, self._whole_shards, at, end)[first - at : last - at])
            else:
                parts.append(_read(self.source, self.mfcc, first, last))
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
            raise ArtifactError(
                f"{self.source.name} does not state its {error}; run `dvc repro` to write it again"
            ) from error

    @functools.cached_property
    def _speech_of_shard(self) -> Callable[[int], Flags]:
        """Reads the flags of a shard and caches the last few: flags are read by recording but stored in shards."""
        place, speech, rows = self.source, self._speech, self.shard_rows

        @functools.lru_cache(maxsize=SHARDS_IN_MEMORY)
        def flags(start: int) -> Flags:
            found = np.asarray(_read(place, speech, start, start + rows), np.bool_)
            found.setflags(write=False)
            return found

        return flags

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_speech_of_shard"}


def _read(place: StoreFiles, array: zarr.Array[Any], start: int, stop: int) -> NDArray[Any]:
    """Read rows of one shard."""
    file = layout.shard_file(array, start)
    try:
        if not place.sizes([file])[0]:  # zarr reads an empty file as fill values
            raise ValueError("the file is empty")
        return np.asarray(array[start:stop])
    except Exception as error:  # zarr passes on any exception of its codecs and the file system
        raise ArtifactError(
            f"{place.name}: rows {start}:{stop} of {array.basename} can't be read from {place.name}/{file} "
            f"({' '.join(str(error).split())}); {place.remedy}"
        ) from error
