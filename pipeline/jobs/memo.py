"""The memo: finished work of trim and features, so that a killed run continues where it stopped.

An entry's name holds the digest of everything that its content depends on (decoded audio, parameters, code, versions of
packages) and the checksum of its content. Any of it may be deleted at any moment, at the cost of time.
"""

import functools
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import google_crc32c
import platformdirs

from pipeline import files
from pipeline.console.text import printable
from pipeline.versions import installed

Origin = Literal["computed", "memo", "damaged"]  # of a result; damaged: computed, because its entry was damaged

LIMIT_BYTES = 20 * 10**9  # 217 hours of 64 MFCCs
ABANDONED_S = 3600  # an incomplete file older than this was left by a killed process

PACKAGE = Path(__file__).parents[1]


def show_reuse(origins: Sequence[str], unit: str, memo: "Memo") -> None:
    """Print how many results were reused, if any were."""
    folder = printable(memo.folder)
    if reused := origins.count("memo"):
        print(f"{reused} of {len(origins)} {unit} reused from the memo, {folder}")
    if damaged := origins.count("damaged"):
        print(f"{damaged} of {len(origins)} {unit} were damaged in the memo, {folder}, and computed again")


def default() -> "Memo":
    """The memo in the user's cache folder: outside of the project, so that every copy of it shares one."""
    return Memo(platformdirs.user_cache_path("lid-pipeline") / "memo")


def key(content: Mapping[str, Any], code: Sequence[str] = (), packages: Sequence[str] = ()) -> str:
    """The name of the entry for the result of this code, with these packages, from this content.

    Parameters
    ----------
    content
        Plain JSON values: the digests of the audio and the parameters.
    code
        Rooms and modules, relative to this package: all files of a room count.
    """
    made_by = [*map(_code, code), *_versions(tuple(packages))]
    return hashlib.sha256(json.dumps([content, made_by], sort_keys=True).encode()).hexdigest()


@functools.cache  # reading them takes 10 ms, and every task of a run asks for the same ones
def _versions(packages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(installed(packages).values())


@functools.cache
def _code(path: str) -> str:
    """Digest of a module, or of all modules of a room with their names."""
    place = PACKAGE / path
    digest = hashlib.sha256()
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Memo:
    """A folder of entries; any number of processes may read and write it at once."""

    folder: Path

    def get(self, key: str) -> tuple[bytes | None, Origin]:
        """The content of an entry, None if it has to be computed, and the origin of the result."""
        for path in self.folder.glob(f"{key[:2]}/{key}.*"):
            if path.suffix != ".partial":
                with suppress(OSError):
                    content = path.read_bytes()
                    return (content, "memo") if path.suffix == _checksum(content) else (None, "damaged")
        return None, "computed"

    def put(self, key: str, content: bytes | Path) -> None:
        """Store the content of an entry; best effort: the caller already has the result.

        A file is stored as a hard link if the file system allows it, so that nothing is written twice.
        """
        path = self.folder / key[:2]
        with suppress(OSError):
            for damaged in path.glob(f"{key}.*"):
                damaged.unlink()
            if isinstance(content, bytes):
                files.replace(path / f"{key}{_checksum(content)}", content)
                return
            stored = content.read_bytes()
            path.mkdir(parents=True, exist_ok=True)
            try:
                (path / f"{key}{_checksum(stored)}").hardlink_to(content)
            except OSError:
                files.replace(path / f"{key}{_checksum(stored)}", stored)

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def admit(self, keys: Sequence[str], each_bytes: int) -> set[str]:
        """Choose the entries of a run that may be stored, and remove others to make room, oldest first.

        Entries that the run may use are never removed. If a run is larger than the limit, its beginning is stored.

        Parameters
        ----------
        each_bytes
            Maximum size of an entry.
        """
        entries = self._entries()
        limit = min(LIMIT_BYTES, (sum(size for _, size, _ in entries) + shutil.disk_usage(self._root()).free) // 2)
        admitted = set(keys[: limit // each_bytes])
        others = [entry for entry in entries if entry[2].stem not in admitted]
        excess = sum(size for _, size, _ in others) + len(admitted) * each_bytes - limit
        for _, size, path in sorted(others):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
        return admitted

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Time of writing, size and path of every entry."""
        found, now = [], time.time()
        for path in self.folder.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.suffix == ".partial" and now - status.st_mtime > ABANDONED_S:
                path.unlink(missing_ok=True)
                continue
            found.append((status.st_mtime, status.st_size, path))
        return found

    def _root(self) -> Path:
        """The nearest folder that exists."""
        return next(path for path in (self.folder, *self.folder.parents) if path.is_dir())


def _checksum(content: bytes) -> str:
    return f".{google_crc32c.value(content):08x}"
