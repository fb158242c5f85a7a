"""What every layout lists: recordings with a language and a speaker, not opened yet."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.tables import RejectedRow

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording that a corpus lists: not opened yet."""

    path: str  # relative to the corpus, with forward slashes
    language: str
    speaker: str
    group: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    stamp: Stamp = (0, 0, 0)  # of the file: size in bytes, time of its last change in ns, inode

    @property
    def id(self) -> str:
        """A name made from the path alone: safe as a file name, and the same whatever else the corpus holds."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(self.path).stem).strip("-")[:60]
        return f"{stem or 'recording'}-{hashlib.sha256(self.path.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Listing:
    """What a layout found.

    ``rejected`` are recordings that can't be used; ``left_out`` is what is no audio or not of `corpus.languages`, as
    the name of a folder or language, or the ending of the files, and their number. ``folders`` are those that became a
    language, which is none in the table layout. All names are printable.
    """

    entries: list[Entry]
    rejected: list[RejectedRow]
    left_out: dict[str, int]
    folders: dict[str, str] = field(default_factory=dict)
