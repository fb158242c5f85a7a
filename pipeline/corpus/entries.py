"""Entry and Listing: the recordings that a layout finds, with languages and speakers, not opened yet."""

import functools
import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from pydantic import Json

from pipeline import names
from pipeline.rows import RecordingRow, RejectedRow

TAKEN = {column.name for column in fields(RecordingRow)} - {"extra"} | {"start", "end"}

MEANT = ("split", "licence", "url", "reported")  # further columns that mean something, in any case


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of corpus/files.csv: one listed recording, a file or a part of one, not opened yet."""

    path: str  # relative to the root of its source, with forward slashes
    language: str
    speaker: str  # empty if channel_speakers names them
    group: str = ""  # recordings cut from one source share it; if it is empty, those of one file do
    sha256: str = ""  # of the file; or what its store says of it, such as etag:...
    size: int = 0  # of the file, bytes
    source: str = ""  # its name in corpus.sources
    channel: int = 0  # counted from 1; 0: as audio.channels says
    start_s: float = 0.0
    end_s: float = math.inf  # inf: to the end of the file
    channel_speakers: Json[tuple[str, ...]] = ()  # speakers of the channels
    speaker_from: str = "table"  # origin of the speaker's name, one of corpus.speakers
    is_twin: int = 0  # 1: another file has the same name in Unicode's form NFC, so the id is made of the name on disk
    columns: Json[dict[str, str]] = field(default_factory=dict)  # further columns of the corpus's table

    @property
    def name(self) -> str:
        """The path with the name of the source, unique in the corpus."""
        return f"{self.source}/{self.path}" if self.source else self.path

    @property
    def file_id(self) -> str:
        """Id of the file, safe as a file name. It depends only on its name, not on the rest of the corpus."""
        return self._id("")

    def id(self, channel: int = 0) -> str:
        """Return the id of the recording, or of one of its channels; that of the file if it is the whole file."""
        end = None if math.isinf(self.end_s) else self.end_s
        return self._id(f"\0{channel} {self.start_s} {end}" if channel or self.start_s or end is not None else "")

    def span(self, rate: int) -> tuple[int, int | None]:
        """Return the first sample and the end of the recording at a rate; None: the end of the file."""
        return round(self.start_s * rate), None if math.isinf(self.end_s) else round(self.end_s * rate)

    def part(self, channel: int = 0) -> str:
        """Return the part of the file in words, empty if it is the whole file.

        >>> Entry("a.wav", "hindi", "ann", start_s=3, end_s=5.5).part(channel=2)
        'channel 2, 3.00 to 5.50 s'
        """
        words = [f"channel {channel}"] if channel else []
        if math.isfinite(self.end_s):
            words.append(f"{self.start_s:.2f} to {self.end_s:.2f} s")
        elif self.start_s:
            words.append(f"from {self.start_s:.2f} s")
        return ", ".join(words)

    def _id(self, part: str) -> str:
        # Copied to another system, a file keeps its id.
        name = self.name if self.is_twin else names.composed(self.name)
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(name).stem).strip("-")[:60]
        return f"{stem or 'recording'}-{hashlib.sha256((name + part).encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Listing:
    """The recordings of all sources. Every name in it is printable.

    Attributes
    ----------
    entries
        Recordings to be decoded.
    rejected
        Recordings that can't be used.
    skipped
        Number of files that are not audio or not of `corpus.languages`, by folder, language or file ending (`*.txt`).
    folders
        Language of each folder that names one; empty in layouts without such folders.
    notes
        What a person should know about how the corpus was read.
    """

    entries: list[Entry] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    folders: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def carried(row: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of a corpus table's row that are copied to ingest/recordings.csv, which has no such column."""
    return _carried(tuple((column, text) for column, text in row.items() if column not in TAKEN))


@functools.lru_cache(1024)  # equal cells of a million recordings are held once
def _carried(cells: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {column: names.line(text) for column, text in cells}
