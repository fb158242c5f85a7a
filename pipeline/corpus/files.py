"""Files below the root of a corpus, and names as messages show them."""

import errno
import functools
import os
import posixpath
import stat
from pathlib import Path

from pipeline.console.text import shorten
from pipeline.corpus.entries import Stamp
from pipeline.errors import AudioError

LINKS = 40  # that lead to one another, as many as Linux follows
SHOWN = 300  # characters of a name in a message


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
