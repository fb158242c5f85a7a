"""The files of a part, and its result as the cache keeps it."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import Any

import numpy as np

from pipeline import parts
from pipeline.corpus import remote
from pipeline.corpus.entries import Entry
from pipeline.corpus.remote import Place
from pipeline.fingerprint.matching import Landmarks
from pipeline.rows import RecordingRow, RejectedRow


@dataclass(frozen=True)
class SourceFile:
    """A file with all recordings in it."""

    path: Place
    name: str  # in the corpus
    size: int  # bytes
    sha256: str  # of its content, or what its store says of it; empty: unknown
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Ingested:
    """The recordings of a part that can be used, each with the landmarks of its speech, and those that can't."""

    rows: list[RecordingRow]
    landmarks: list[Landmarks]
    rejected: list[RejectedRow]

    def pack(self) -> bytes:
        """Return the result as a NumPy archive, which `unpack` reads."""
        rows = json.dumps([self.rows, self.rejected], default=asdict)
        arrays: dict[str, Any] = {
            "rows": np.frombuffer(rows.encode(), np.uint8),
            "lengths": np.array([[len(found.ticks), found.length] for found in self.landmarks], np.int64).reshape(
                -1, 2
            ),
        }
        for name in ("ticks", "bins", "levels"):
            columns = [getattr(found, name) for found in self.landmarks]
            arrays[name] = np.concatenate(columns) if columns else np.zeros(0)
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def joined(cls, found: Iterable["Ingested"]) -> "Ingested":
        """Join the results of parts."""
        found = list(found)
        return cls(*([each for part in found for each in getattr(part, field.name)] for field in fields(cls)))

    @classmethod
    def unpack(cls, content: bytes) -> "Ingested":
        """Read a result that `pack` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            rows, rejected = json.loads(arrays["rows"].tobytes())
            lengths = arrays["lengths"]
            ends = np.cumsum(lengths[:-1, 0])
            ticks, bins, levels = (np.split(arrays[name], ends) for name in ("ticks", "bins", "levels"))
        return cls(
            [RecordingRow(**row) for row in rows],
            [Landmarks(*found) for found in zip(ticks, bins, levels, map(int, lengths[:, 1]), strict=False)],
            [RejectedRow(**row) for row in rejected],
        )


def divide(entries: Sequence[Entry], roots: Mapping[str, Place]) -> list[list[SourceFile]]:
    """Divide the files of sorted entries into parts; `roots` has the folder or address of each source by its name."""
    files = [
        SourceFile(remote.join(roots[first.source], first.path), first.name, first.size, first.sha256, (first, *others))
        for _, (first, *others) in groupby(entries, key=lambda entry: (entry.source, entry.path))
    ]
    cut = parts.cut([file.name for file in files], [file.size for file in files])
    return [files[part.start : part.stop] for part in cut]
