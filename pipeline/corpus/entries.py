"""Entry and Listing: the recordings that a layout finds, with languages and speakers, not opened yet."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import names
from pipeline.rows import RejectedRow

Stamp = tuple[int, int, int, int]
"""Size of a file in bytes, times in ns at which its content (mtime) and anything (ctime) changed, inode.

Any tool can set mtime; only the system sets ctime.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed recording: a file or a part of one, not opened yet.

    Attributes
    ----------
    path
        Path of the file, relative to the root of its source, with forward slashes.
    speaker
        Empty if `channel_speakers` names them.
    group
        Recordings cut from one source share it; if it is empty, those of one file do.
    extra
        Further columns of the corpus's table.
    source
        Name of the entry in `corpus.sources`; empty without sources.
    channel
        Channel of the file, counted from 1; 0: as `audio.channels` says.
    start, end
        Place in the file in seconds; end None: the end of the file.
    channel_speakers
        Speakers of the channels.
    speaker_from
        Origin of the speaker's name, one of `corpus.speakers`.
    is_twin
        True if another file has the same name in Unicode's form NFC: the id is made of the name on disk.
    """

    path: str
    language: str
    speaker: str
    group: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    stamp: Stamp = (0, 0, 0, 0)
    source: str = ""
    channel: int = 0
    start: float = 0.0
    end: float | None = None
    channel_speakers: tuple[str, ...] = ()
    speaker_from: str = "table"
    is_twin: bool = False

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
        whole = (channel, self.start, self.end) == (0, 0.0, None)
        return self.file_id if whole else self._id(f"\0{channel} {self.start} {self.end}")

    def part(self, channel: int = 0) -> str:
        """Return the part of the file in words, empty if it is the whole file.

        >>> Entry("a.wav", "hindi", "ann", start=3, end=5.5).part(channel=2)
        'channel 2, 3.00 to 5.50 s'
        """
        words = [f"channel {channel}"] if channel else []
        if self.start or self.end is not None:
            words.append(
                f"{self.start:.2f} to {self.end:.2f} s" if self.end is not None else f"from {self.start:.2f} s"
            )
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
