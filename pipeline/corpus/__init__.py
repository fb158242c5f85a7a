"""What a corpus is, whatever its layout: recordings with a language and a speaker, found below one folder."""

import errno
import functools
import hashlib
import os
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import params
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import Recording, Rejected
from pipeline.text import shorten

MIN_SPEAKERS = 3  # a language: one each to train, validate and test on
LINKS = 40  # that lead to one another, as many as Linux follows
SHOWN = 300  # characters of a name in a message

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
    rejected: list[Rejected]
    left_out: dict[str, int]
    folders: dict[str, str] = field(default_factory=dict)


def read(corpus: params.Corpus) -> Listing:
    """List the recordings of a corpus in its layout, sorted by path.

    Raises
    ------
    CorpusError
        If the folder, its table or its speakers can't be read, or contradict themselves.
    """
    from pipeline.corpus import folders, table

    root = Path(corpus.root)
    if not is_folder(root):
        raise CorpusError(f"corpus.root {quoted(root)} is not a folder; name the folder that holds the recordings")
    listing = folders.read(root, corpus) if corpus.layout == "folders" else table.read(root, corpus)
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def check(entries: Sequence[Entry | Recording], rejected: Sequence[Rejected], corpus: params.Corpus) -> None:
    """Refuse a corpus that can't be split by speaker: nothing could be trained on it.

    Raises
    ------
    CorpusError
        Naming the language that lacks recordings or speakers.
    """
    if not entries and rejected:
        raise CorpusError(
            f"none of the {len(rejected)} recordings in corpus.root {quoted(corpus.root)} can be used; the first, "
            f"{quoted(rejected[0].path)}, {rejected[0].detail}"
        )
    if not entries:
        raise CorpusError(
            f"no recordings in corpus.root {quoted(corpus.root)} with corpus.layout {corpus.layout!r}; see README"
        )
    recordings = Counter(entry.language for entry in entries)
    speakers = Counter(language for language, _ in {(entry.language, entry.speaker) for entry in entries})
    for language in corpus.languages:
        if not recordings[language]:
            raise CorpusError(
                f"corpus.languages names {language!r}, which has no recordings in {quoted(corpus.root)}; "
                "remove it or add its recordings"
            )
        if speakers[language] < MIN_SPEAKERS:
            raise CorpusError(
                f"{language!r} has {speakers[language]} speaker(s) in {quoted(corpus.root)} and needs {MIN_SPEAKERS}, "
                "one each to train, validate and test on; add recordings of others"
            )


def is_folder(path: Path) -> bool:
    """Tell if a path, links followed, is a folder that can be reached."""
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises if the path is too long or forbidden)


class Files:
    """The files below the root of a corpus. Links are followed, but not out of it."""

    def __init__(self, root: Path) -> None:
        self._below = posixpath.join(posixpath.realpath(root), "")
        self._folder = functools.lru_cache(1024)(posixpath.realpath)  # neighbours in a list share their folder

    def stamp(self, path: str) -> Stamp:
        """Size in bytes, time of its last change in ns and inode of the file at a normalised path.

        Raises
        ------
        AudioError
            With the reason that ingest/rejected.csv shows: name, outside, missing or not_a_file.
        """
        require_printable(name=path)
        try:
            place, found = self._follow(path)
        except (OSError, ValueError) as error:  # ValueError: the file system's encoding lacks a character
            why = error.strerror if isinstance(error, OSError) else error
            raise AudioError("missing", f"can't be found ({why}); restore it or take it out of the corpus") from None
        if not place.startswith(self._below):
            raise AudioError("outside", "is a link that leads out of corpus.root; copy its target in")
        if not stat.S_ISREG(found.st_mode):
            raise AudioError(
                "not_a_file", "is a folder, a link to one, a pipe or a device; put an audio file in its place"
            )
        return found.st_size, found.st_mtime_ns, found.st_ino

    def holds(self, folder: str) -> bool:
        """Tell if a folder, links followed, lies below the root."""
        return posixpath.realpath(self._below + folder).startswith(self._below)

    def _follow(self, path: str) -> tuple[str, os.stat_result]:
        """Follow all links: the place of a file, and its status."""
        place = self._below + path
        for _ in range(LINKS):
            found = os.lstat(place)  # first of all: it refuses endless and too many links, which realpath does not
            folder, _, name = place.rpartition("/")
            place = f"{self._folder(folder or '/')}/{name}"
            if not stat.S_ISLNK(found.st_mode):
                return place, found
            place = posixpath.join(posixpath.dirname(place), os.readlink(place))  # noqa: PTH115 (for speed)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def require_printable(**texts: str) -> None:
    """Refuse a recording one of whose names would break a line or a terminal; AudioError, with the reason "name"."""
    for name, text in texts.items():
        if not text.isprintable():
            raise AudioError("name", f"has a {name} that can't be printed ({quoted(text)}); rename it")


def printable(name: str) -> str:
    """A name as it is if it can be printed, escaped if not."""
    return name if name.isprintable() else ascii(name)[:SHOWN]


def quoted(name: str | Path) -> str:
    """A name as a message shows it: on one line, in quotes, without its middle if it is too long."""
    return shorten(repr(str(name)), SHOWN)
