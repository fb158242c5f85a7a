"""features.zarr, open for reading: whole recordings, rows, or a selection that others read in their own way."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.mfcc import Features
from pipeline.shards import layout
from pipeline.shards.layout import SCHEMA, TABLE, WHOLE, array
from pipeline.silence.spans import Flags
from pipeline.store import selection
from pipeline.store.selection import Selection
from pipeline.tables import SplitRow


class FeatureStore:
    """A features.zarr, open for reading. Whatever is read is checked: a user hears of damage in one ArtifactError.

    Attributes
    ----------
    path
        Where it is.
    ids, languages, speakers
        One string a recording, in the order of the store.
    starts, lengths
        int64, shape (recordings,): rows starts[i]:starts[i]+lengths[i] are recording i's.
    attributes
        What made the features.
    killed
        Recordings whose frames could not be computed: some are NaN.
    mfcc
        The whole array, on disk, shape (rows, n_mfcc).
    shard
        Rows of a file.
    """

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._arrays = {name: array(group, name) for name in ("mfcc", "speech")}
        self.mfcc = self._arrays["mfcc"]
        with zarr.config.set(WHOLE):
            self._shards = array(group, "mfcc")
        self.shard = int((self.mfcc.shards or self.mfcc.chunks)[0])
        self.attributes: dict[str, Any] = dict(group.attrs)
        self.killed: frozenset[str] = frozenset(self.attributes.get("killed", ()))
        table = {name: np.asarray(array(group, f"recording/{name}")[:]) for name in TABLE}
        self.ids: list[str] = [str(value) for value in table["id"]]
        self.languages: list[str] = [str(value) for value in table["language"]]
        self.speakers: list[str] = [str(value) for value in table["speaker"]]
        self.starts: NDArray[np.int64] = table["start"]
        self.lengths: NDArray[np.int64] = table["length"]
        self._index = {name: number for number, name in enumerate(self.ids)}

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store.

        Raises
        ------
        ArtifactError
            Where there is none, one of another schema version, or one that lacks files.
        """
        path = Path(path)
        try:
            schema = zarr.open_group(path, mode="r").attrs.get("schema")
        except Exception:  # zarr lets through whatever its parsers and the file system raise
            raise ArtifactError(
                f"{path} is not a feature store: {path / 'zarr.json'} is missing or damaged; run `dvc repro`"
            ) from None
        if schema != SCHEMA:
            raise ArtifactError(f"{path} has schema {json.dumps(schema)}, this version reads {SCHEMA}; run `dvc repro`")
        if file := layout.damaged(path):
            raise ArtifactError(f"{file} is missing or damaged; delete {path} and run `dvc repro`")
        opened = cls(path, zarr.open_group(path, mode="r"))
        for rows in opened._arrays.values():
            for file in layout.files(path, rows):
                if not file.is_file() or not file.stat().st_size:  # zarr takes an empty file for the fill value
                    raise ArtifactError(f"{file} is missing or empty; delete {path} and run `dvc repro`")
        return opened

    def select(
        self,
        *,
        split: Path | str | None = None,
        manifest: Path | str | None = None,
        language: str | Iterable[str] | None = None,
        speaker: str | Iterable[str] | None = None,
    ) -> Selection:
        """Some of the recordings, or of the sequences of a manifest, to be read as they are needed.

        Recordings of which `features` could not compute the frames are left out.

        Parameters
        ----------
        split
            A splits/NAME.csv: only its recordings.
        manifest
            A manifests/NAME.csv: its sequences are the items, seen through the strategy that they were cut for;
            without one, every recording is an item.
        language, speaker
            Only these.

        Raises
        ------
        ArtifactError
            If the store has no such language, speaker or recording, nothing is left, or the manifest was cut from
            another store.
        """
        return selection.select(self, split, manifest, language, speaker)

    def features(self, recording: str, start: int = 0, stop: int | None = None) -> Features:
        """The MFCCs of frames start:stop of a recording, shape (frames, n_mfcc)."""
        return self.mfcc_rows(*self._rows(recording, start, stop))

    def flags(self, recording: str, start: int = 0, stop: int | None = None) -> Flags:
        """The speech flags of frames start:stop of a recording, shape (frames,)."""
        return self.speech_rows(*self._rows(recording, start, stop))

    def mfcc_rows(self, start: int, stop: int) -> Features:
        """Rows start:stop of the whole store, shape (rows, n_mfcc)."""
        parts = [np.zeros((0, self.mfcc.shape[1]), np.float32)]
        for at in range(start - start % self.shard, stop, self.shard):
            end, rows = at + self.shard, slice(max(start, at), min(stop, at + self.shard))
            if 2 * (rows.stop - rows.start) > self.shard and end <= self.mfcc.shape[0]:  # quicker with the rest of it
                parts.append(self._read(self._shards, at, end)[rows.start - at : rows.stop - at])
            else:
                parts.append(self._read(self.mfcc, rows.start, rows.stop))
        return parts[1] if len(parts) == 2 else np.concatenate(parts)

    def speech_rows(self, start: int, stop: int) -> Flags:
        """The same rows' speech flags, shape (rows,)."""
        parts = [np.zeros(0, np.bool_)]
        for at in range(start - start % self.shard, stop, self.shard):
            parts.append(_speech_of_shard(self, at)[max(start - at, 0) : stop - at])
        return np.concatenate(parts)

    @property
    def id(self) -> str:
        """Twelve digits that tell it from stores of other audio, speech or parameters."""
        return str(self.attributes["sha256"][:12])

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        try:
            return float(self.attributes["mfcc"]["hop_length"] / self.attributes["sample_rate"])
        except KeyError as error:
            raise ArtifactError(f"{self.path} does not say its {error}; run `dvc repro` to write it again") from None

    def without_killed(self, members: Iterable[SplitRow]) -> list[SplitRow]:
        """Those of a split whose frames could be computed."""
        return [member for member in members if member.recording not in self.killed]

    def number(self, recording: str) -> int:
        """Which recording of the store this is."""
        try:
            return self._index[recording]
        except KeyError:
            raise ArtifactError(f"{self.path} has no recording {recording!r}; run `dvc repro`") from None

    def _rows(self, recording: str, start: int, stop: int | None) -> tuple[int, int]:
        number = self.number(recording)
        first, length = int(self.starts[number]), int(self.lengths[number])
        if not 0 <= start <= length or (stop is not None and stop < start):
            raise ArgumentError(f"{recording!r} has frames 0 to {length}; {start}:{stop} are not among them")
        return first + start, first + (length if stop is None else min(stop, length))

    def _read(self, rows: zarr.Array[Any], start: int, stop: int) -> NDArray[Any]:
        """Rows of one shard."""
        try:
            if not layout.file(self.path, rows, start).stat().st_size:  # zarr would take it for one of the fill value
                raise ValueError("the file is empty")
            return np.asarray(rows[start:stop])
        except Exception as error:  # zarr lets through whatever its codecs and the file system raise
            raise ArtifactError(
                f"{self.path}: rows {start}:{stop} of {rows.basename} can't be read from "
                f"{layout.file(self.path, rows, start)} ({' '.join(str(error).split())}); delete {self.path} and run "
                "`dvc repro`"
            ) from None


@functools.lru_cache(maxsize=8)
def _speech_of_shard(store: FeatureStore, start: int) -> Flags:
    """Speech flags are asked for recording by recording but lie in shards: the last few are kept, 64 kB each."""
    flags = np.asarray(store._read(store._arrays["speech"], start, start + store.shard), np.bool_)
    flags.setflags(write=False)
    return flags
