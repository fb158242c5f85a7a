"""The cache: results of parts of the corpus, so that only new work is done and a killed run continues.

The name of an entry holds the digest of everything that decides its content (files, parameters, code, versions of
packages) and the checksum of the content. Any entry may be deleted at any moment, at the cost of time.
"""

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c
import platformdirs

from pipeline import files
from pipeline.versions import installed

LIMIT_BYTES = 20 * 10**9  # 90 hours of audio and 64 MFCCs; on the disk of artifacts/, hard links take no space
ABANDONED_S = 3600  # an incomplete file older than this was left by a killed process

PACKAGE = Path(__file__).parent


def key(content: Mapping[str, Any], code: Sequence[str] = (), packages: Sequence[str] = ()) -> str:
    """Return the name of the entry for the result of this code, with these packages, from this content.

    Parameters
    ----------
    content
        Plain JSON values: digests of files and parameters.
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
    """Return the digest of a module, or of all modules of a room with their names."""
    place = PACKAGE / path
    digest = hashlib.sha256()
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Cache:
    """A folder of entries; any number of processes may read and write it at once.

    The default is in the user's cache folder, outside of the project, so that every copy of it shares one.
    """

    folder: Path = field(default_factory=lambda: platformdirs.user_cache_path("lid-pipeline") / "parts")
    opened: float = field(default_factory=time.time)

    def remember(self, key: str, outputs: Sequence[Path], compute: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Take a result and the files that belong to it from the cache, or compute and store them.

        Parameters
        ----------
        outputs
            Files that `compute` writes. An entry of the cache is linked there.

        Returns
        -------
        result, reused
        """
        names = [f"{key}-{number}" for number in range(len(outputs))]
        known = self.read(key)
        if known is not None and all(map(self._link, names, outputs)):
            return known, True
        result = compute()
        for name, path in zip(names, outputs, strict=True):
            self.put(name, path)
        self.put(key, result)
        return result, False

    def read(self, key: str) -> bytes | None:
        """Return the content of an entry, None if there is none or it is damaged."""
        with suppress(OSError):  # another process may have removed it
            path = self._find(key)
            return path.read_bytes() if path else None
        return None

    def put(self, key: str, content: bytes | Path) -> None:
        """Store an entry in place of another of this name; best effort, as the caller already has the result.

        A file is stored as a hard link if the file system allows it.
        """
        with suppress(OSError):
            folder = self.folder / key[:2]
            folder.mkdir(parents=True, exist_ok=True)
            self.remove(key)
            if isinstance(content, bytes):
                files.replace(folder / f"{key}.{google_crc32c.value(content):08x}", content)
                return
            path = folder / f"{key}.{_checksum(content)}"
            try:
                path.hardlink_to(content)
            except OSError:
                if shutil.disk_usage(folder).free > LIMIT_BYTES // 4:  # a copy must not fill the disk of the run
                    _copy(content, path)

    def remove(self, key: str) -> None:
        """Remove an entry, if there is one."""
        for path in self.folder.glob(f"{key[:2]}/{key}.*"):
            path.unlink(missing_ok=True)

    def size(self) -> int:
        """Return the bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def shrink(self) -> None:
        """Remove entries beyond the limit: those of earlier runs first, the ones not used for longest before others.

        If this run alone is larger than the limit, its beginning stays.
        """
        entries = self._entries()
        excess = sum(size for _, size, _ in entries) - LIMIT_BYTES
        earlier = sorted(entry for entry in entries if entry[0] < self.opened)
        of_this_run = sorted((entry for entry in entries if entry[0] >= self.opened), reverse=True)
        for _, size, path in [*earlier, *of_this_run]:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size

    def _find(self, key: str) -> Path | None:
        """Return the file of an entry whose content is what was stored."""
        for path in self.folder.glob(f"{key[:2]}/{key}.*"):
            with suppress(OSError):
                if path.suffix == f".{_checksum(path)}":
                    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))  # DVC compares the time of a change
                    return path
        return None

    def _link(self, key: str, target: Path) -> bool:
        if (path := self._find(key)) is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with suppress(OSError):
            target.hardlink_to(path)
            return True
        with suppress(FileNotFoundError):  # another process may have removed it
            _copy(path, target)
            return True
        return False

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Return time of the last use, size and path of every entry."""
        found = []
        for path in self.folder.glob("*/*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                if path.suffix != ".partial":
                    found.append((status.st_atime, status.st_size, path))
                elif time.time() - status.st_mtime > ABANDONED_S:
                    path.unlink()
        return found


def _checksum(path: Path) -> str:
    """Return the CRC-32C of a file of any length."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = google_crc32c.extend(checksum, block)
    return f"{checksum:08x}"


def _copy(source: Path, target: Path) -> None:
    with files.replacing(target) as partial:
        shutil.copyfile(source, partial)
