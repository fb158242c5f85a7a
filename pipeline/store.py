"""features.zarr: MFCCs and speech flags of all recordings, one after the other, in shards that one task each writes.

    mfcc       float32 [frame, coefficient]   chunks (1024, n_mfcc)  shards (65536, n_mfcc)
    speech     bool    [frame]                the same rows a chunk and a shard
    recording/ id, language, speaker, start, length: rows start:start+length belong to recording i

                 shard 0                     shard 1
    ├────────────────────────────┼────────────────────────────┤
     recording 0 │ recording 1 │ recording 2 │ recording 3 ...     a recording may lie in two shards, or in many

Two tasks that wrote into one shard would corrupt it silently, so `shards` deals out whole ones. Every chunk ends with
its checksum, and what was never written reads as NaN.
"""

import functools
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
import zarr.codecs
import zarr.errors
from numpy.typing import NDArray

from pipeline import selection
from pipeline.errors import ArtifactError
from pipeline.files import replace
from pipeline.mfcc import Features
from pipeline.selection import Selection
from pipeline.silence import Flags
from pipeline.tables import Member

SCHEMA = 1
CHUNK = 1024  # rows: 10 s, 256 kB of 64 coefficients
SHARD = 64 * CHUNK  # rows: 11 minutes, 16 MB


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


def shards(lengths: Sequence[int]) -> Iterator[Shard]:
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
    rows = int(sum(lengths))
    with warnings.catch_warnings():
        # Strings of any length have no entry in the Zarr 3 specification yet; zarr and numpy read them.
        warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
        group = zarr.create_group(path, overwrite=True, attributes={"schema": SCHEMA, **attributes})
        table = group.create_group("recording")
        for name, strings in (("id", ids), ("language", languages), ("speaker", speakers)):
            table.create_array(name, data=np.array(list(strings), dtype=np.dtypes.StringDType()), chunks=(CHUNK,))
        for name, numbers in (("start", _starts(lengths)), ("length", lengths)):
            table.create_array(name, data=np.array(numbers, np.int64), chunks=(CHUNK,))
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


def write(path: Path, start: int, mfcc: Features | bytes, speech: Flags) -> None:
    """Write rows from `start` on: a whole shard, or a part of one that nobody else writes at the same time.

    Parameters
    ----------
    mfcc
        Shape (rows, n_mfcc), or what `packed` gave for a shard of the same frames.
    speech
        Shape (rows,).
    """
    group = zarr.open_group(path, mode="r+")
    with zarr.config.set({"array.write_empty_chunks": True}):  # a file that is not there is a mistake, not silence
        rows = slice(start, start + len(speech))
        _array(group, "speech")[rows] = speech
        if not isinstance(mfcc, bytes):
            _array(group, "mfcc")[rows] = mfcc
            return
    replace(_file(path, group, start), mfcc)


def packed(path: Path, start: int) -> bytes:
    """The MFCCs of the shard that begins at a row, as the store holds them, compressed."""
    return _file(path, zarr.open_group(path, mode="r"), start).read_bytes()


def give_up(path: Path, recordings: Sequence[str]) -> None:
    """Note recordings of which frames could not be computed: who reads the store passes them over."""
    zarr.open_group(path, mode="r+").attrs["killed"] = list(recordings)


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
        self._arrays = {name: _array(group, name) for name in ("mfcc", "speech")}
        self.mfcc = self._arrays["mfcc"]
        self.shard = _rows_a_file(self.mfcc)
        self.attributes: dict[str, Any] = dict(group.attrs)
        self.killed: frozenset[str] = frozenset(self.attributes.get("killed", ()))
        table = {name: np.asarray(_array(group, f"recording/{name}")[:]) for name in _TABLE}
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
            group = zarr.open_group(path, mode="r")
            schema = group.attrs.get("schema")
            if schema != SCHEMA:
                raise ArtifactError(
                    f"{path} has schema {json.dumps(schema)}, this version reads {SCHEMA}; run `dvc repro`"
                )
            opened = cls(path, group)
        except (FileNotFoundError, KeyError, ValueError, RuntimeError):
            raise ArtifactError(f"{path} is not a feature store; run `dvc repro` to write it") from None
        for name, array in opened._arrays.items():
            _refuse_missing(path, name, array)
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
            A manifests/NAME.csv: its sequences are the items; without one, every recording is an item.
        language, speaker
            Only these.

        Raises
        ------
        ArtifactError
            Where the store has no such language, speaker or recording, or nothing is left.
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
        return np.asarray(self._read("mfcc", start, stop), np.float32)

    def speech_rows(self, start: int, stop: int) -> Flags:
        """The same rows' speech flags, shape (rows,)."""
        parts = [np.zeros(0, np.bool_)]
        for at in range(start - start % self.shard, stop, self.shard):
            parts.append(_speech_of_shard(self, at)[max(start - at, 0) : stop - at])
        return np.concatenate(parts)

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        try:
            return float(self.attributes["mfcc"]["hop_length"] / self.attributes["sample_rate"])
        except KeyError as error:
            raise ArtifactError(f"{self.path} does not say its {error}; run `dvc repro` to write it anew") from None

    def without_killed(self, members: Iterable[Member]) -> list[Member]:
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
        return first + start, first + (length if stop is None else min(stop, length))

    def _read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        try:
            return np.asarray(self._arrays[name][start:stop])
        except Exception as error:  # zarr lets through whatever its codecs and the file system raise
            raise ArtifactError(
                f"{self.path}: rows {start}:{stop} of {name} can't be read ({' '.join(str(error).split())}); "
                f"delete {self.path} and run `dvc repro`"
            ) from None


@functools.lru_cache(maxsize=8)
def _speech_of_shard(store: FeatureStore, start: int) -> Flags:
    """Speech flags are asked for recording by recording but lie in shards: the last few are kept, 64 kB each."""
    flags = np.asarray(store._read("speech", start, start + store.shard), np.bool_)
    flags.setflags(write=False)
    return flags


def _file(path: Path, group: zarr.Group, start: int) -> Path:
    """The file that holds the MFCCs of the shard that begins at a row."""
    return path / "mfcc" / _array(group, "mfcc").metadata.encode_chunk_key((start // SHARD, 0))


_TABLE = ("id", "language", "speaker", "start", "length")


def _starts(lengths: Sequence[int]) -> list[int]:
    return [int(end) for end in np.cumsum([0, *lengths])[:-1]]


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise KeyError(name)
    return array


def _rows_a_file(array: zarr.Array[Any]) -> int:
    return int((array.shards or array.chunks)[0])


def _refuse_missing(path: Path, name: str, array: zarr.Array[Any]) -> None:
    """Every shard has its file: zarr would take one that is missing or empty for zeros."""
    there = sum(file.is_file() and file.stat().st_size > 0 for file in (path / name / "c").rglob("*"))
    due = -(-array.shape[0] // _rows_a_file(array))
    if there < due:
        raise ArtifactError(
            f"{path} has {there} of the {due} files of {name}; delete {path} and run `dvc repro` to write it anew"
        )
