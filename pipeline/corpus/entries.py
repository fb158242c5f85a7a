"""Entry and Listing: the recordings that a layout finds, with languages and speakers, not opened yet."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.tables import RejectedRow

Stamp = tuple[int, int, int]  # of a file: size in bytes, time of the last change in ns, inode


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed recording, not opened yet."""

    path: str  # relative to the corpus, with forward slashes
    language: str
    speaker: str
    group: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    stamp: Stamp = (0, 0, 0)

    @property
    def id(self) -> str:
        """Id of the recording, safe as a file name. It depends only on the path, not on the rest of the corpus."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(self.path).stem).strip("-")[:60]
        return f"{stem or 'recording'}-{hashlib.sha256(self.path.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Listing:
    """All recordings that a layout found. Every name in it is printable.

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
    """

    entries: list[Entry]
    rejected: list[RejectedRow]
    skipped: dict[str, int]
    folders: dict[str, str] = field(default_factory=dict)
