"""Reads rows of features.zarr: their MFCCs and their speech flags."""

import asyncio
import functools
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore

from pipeline.arrays import Features, Flags
from pipeline.console.text import shorten
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.shards import layout
from pipeline.shards.layout import SCHEMA, TABLE_COLUMNS, ZARRS_CONFIG, open_array

SHARDS_IN_MEMORY = 8  # of speech flags, 64 kB each


class StoreFiles:
    """The files of a store: in a folder, or in any Zarr store, such as one behind a URL.

    Attributes
    ----------
    name
        Path or address of the store, for messages.
    store
        Store that zarr opens.
    folder
        Folder of a store on this machine's disk, otherwise None.
    remedy
        What to do about a damaged file, as the end of a sentence.
    """

    def __init__(self, name: str, store: Store) -> None:
        self.name, self.store = name, store
        self.folder = store.root if isinstance(store, LocalStore) else None
        self.remedy = f"delete {name} and run `dvc repro`" if self.folder else "copy the store there again"

    @classmethod
    def at(cls, place: Path | str | Store) -> Self:
        """Return the files at a path, at a URL or in a Zarr store, as for `RowReader.open`."""
        if isinstance(place, Store):
            return cls(str(place), place)
        if "://" not in str(place):
            return cls(str(place), LocalStore(place, read_only=True))
        try:
            return cls(str(place), FsspecStore.from_url(str(place), read_only=True))
        except (ImportError, ValueError) as error:
            raise ArgumentError(f"{place} can't be opened ({error}); install that, or use another scheme") from error

    def sizes(self, files: Iterable[str]) -> list[int]:
        """Return bytes of files, 0 for those that are missing."""
        if self.folder:
            paths = (self.folder / file for file in files)
            return [path.stat().st_size if path.is_file() else 0 for path in paths]

        async def size(file: str) -> int:
            with suppress(FileNotFoundError):
                return await self.store.getsize(file)
            return 0

        async def together() -> list[int]:
            return list(await asyncio.gather(*map(size, files)))

        return sync(together())

    def find_damage(self) -> str | None:
        """Return the first file, except shards, that is missing or differs from the one that was written."""
        try:
            attributes = json.loads(self._read("zarr.json"))["attributes"]
            if attributes.pop("sha256") != layout.attributes_digest(attributes):
                return "zarr.json"
            digests = attributes["files"]
        except (ValueError, LookupError, TypeError, AttributeError):
            return "zarr.json"
        changed = (
            name
            for name in layout.CHECKSUMMED_FILES
            if hashlib.sha256(self._read(name)).hexdigest() != digests.get(name)
        )
        return next(changed, None)

    def _read(self, file: str) -> bytes:
        """Return the content of a file, empty if it can't be read."""
        with suppress(OSError):
            if content := sync(self.store.get(file, default_buffer_prototype())):
                return content.to_bytes()
        return b""


class RowReader:
    """A features.zarr, open for reading rows. Everything is checked as it is read; damage raises an ArtifactError."""

    def __init__(self, source: StoreFiles, group: zarr.Group) -> None:
        self.source = source
        with layout.configured():
            self.mfcc, self._speech = open_array(group, "mfcc"), open_array(group, "speech")
            table = {name: np.asarray(open_array(group, f"recording/{name}")[:]) for name in TABLE_COLUMNS}
        with layout.configured(ZARRS_CONFIG if source.folder else {}):  # zarrs reads files itself
            self._whole_shards = {name: open_array(group, name) for name in ("mfcc", "speech")}
        self.shard_rows = layout.rows_per_shard(self.mfcc)
        self.attributes: dict[str, Any] = dict(group.attrs)  # parameters, versions of libraries, checksums
        self.failed: frozenset[str] = frozenset(self.attributes.get("killed", ()))  # ids; some frames are NaN
        self.ids, self.languages, self.speakers = (
            [str(value) for value in table[name]] for name in ("id", "language", "speaker")
        )
        self.starts: NDArray[np.int64] = table["start"]
        self.lengths: NDArray[np.int64] = table["length"]  # rows starts[i]:starts[i]+lengths[i] are of recording i

    @classmethod
    def open(cls, place: Path | str | Store | StoreFiles) -> Self:
        """Open a store.

        Parameters
        ----------
        place
            Folder of the store, a URL that fsspec knows, such as s3://bucket/features.zarr, or any Zarr store.

        Raises
        ------
        ArgumentError
            If the package for the URL's scheme is not installed, or there is no such scheme.
        ArtifactError
            If there is no store, it has another schema version, or one of its files is missing or damaged.
        """
        source = place if isinstance(place, StoreFiles) else StoreFiles.at(place)
        try:
            group = layout.open_group(source.store, "r")
            schema = group.attrs.get("schema")
        except Exception as error:  # zarr passes on any exception of its parsers and the file system
            reason = shorten(str(error)) or type(error).__name__
            why = f"{source.name} is not a feature store: {source.name}/zarr.json is missing or damaged ({reason})"
            raise ArtifactError(f"{why}; run `dvc repro`, or name another") from error
        if schema != SCHEMA:
            raise ArtifactError(f"{source.name} has schema {schema!r}, this version reads {SCHEMA}; run `dvc repro`")
        if file := source.find_damage():
            raise ArtifactError(f"{source.name}/{file} is missing or damaged; {source.remedy}")
        reader = cls(source, group)
        files = [*layout.shard_files(reader.mfcc), *layout.shard_files(reader._speech)]
        for file, size in zip(files, source.sizes(files), strict=True):
            if not size:  # zarr reads an empty file as fill values
                raise ArtifactError(f"{source.name}/{file} is missing or empty; {source.remedy}")
        return reader

    def mfcc_rows(self, start: int, stop: int) -> Features:
        """Return MFCCs of rows start:stop of the store, shape (rows, n_mfcc)."""
        parts = [np.zeros((0, self.mfcc.shape[1]), np.float32)]
        for at in range(start - start % self.shard_rows, stop, self.shard_rows):
            end, first, last = at + self.shard_rows, max(start, at), min(stop, at + self.shard_rows)
            if 2 * (last - first) > self.shard_rows:  # the whole shard is faster to read
                parts.append(self._read(self.mfcc, at, end)[first - at : last - at])
            else:
                parts.append(self._read(self.mfcc, first, last))
        return parts[1] if len(parts) == 2 else np.concatenate(parts)

    def speech_rows(self, start: int, stop: int) -> Flags:
        """Return speech flags of rows start:stop of the store, shape (rows,)."""
        parts = [np.zeros(0, np.bool_)]
        for at in range(start - start % self.shard_rows, stop, self.shard_rows):
            parts.append(_flags_of_shard(self, at)[max(start - at, 0) : stop - at])
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
            raise ArtifactError(f"{self.source.name} does not state its {error}; run `dvc repro`") from error

    def _read(self, array: zarr.Array[Any], start: int, stop: int) -> NDArray[Any]:
        """Read rows of one shard, many times as fast if it is a whole one."""
        file, source = layout.shard_file(array, start), self.source
        if stop - start == self.shard_rows and stop <= array.shape[0]:
            array = self._whole_shards[array.basename]
        try:
            if not source.sizes([file])[0]:  # zarr reads an empty file as fill values
                raise ValueError("the file is empty")
            return np.asarray(array[start:stop])
        except Exception as error:  # zarr passes on any exception of its codecs and the file system
            where = f"{source.name}: rows {start}:{stop} of {array.basename} can't be read from {source.name}/{file}"
            raise ArtifactError(f"{where} ({' '.join(str(error).split())}); {source.remedy}") from error


@functools.lru_cache(maxsize=SHARDS_IN_MEMORY)
def _flags_of_shard(reader: RowReader, start: int) -> Flags:
    """Read the flags of a shard; the last few are cached: flags are read by recording but stored in shards."""
    found = np.asarray(reader._read(reader._speech, start, start + reader.shard_rows), np.bool_)
    found.setflags(write=False)
    return found
