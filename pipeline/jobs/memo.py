"""What trim and features have computed before, so that a run that was killed goes on where it stopped.

An entry's name is the digest of all that its content depends on (decoded audio, parameters, code, library versions) and
the checksum of its content. It costs nothing but time to delete any of it, at any moment.
"""

import functools
import hashlib
import importlib.metadata
import json
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import google_crc32c
import platformdirs

from pipeline import files
from pipeline.console.text import printable

Origin = Literal["computed", "memo", "damaged"]  # where a result is from; damaged: computed, as its entry was

LIMIT = 20 * 10**9  # bytes: 217 hours of 64 MFCCs
ABANDONED_S = 3600  # after which a file that is still being written is of a killed process


def tell(origins: Sequence[str], unit: str, memo: "Memo") -> None:
    """Say how much was there already, if anything was."""
    folder = printable(memo.folder)
    if remembered := origins.count("memo"):
        print(f"{remembered} of {len(origins)} {unit} were computed before: taken from the memo, {folder}")
    if damaged := origins.count("damaged"):
        print(f"{damaged} of {len(origins)} {unit} were damaged in the memo, {folder}, and computed again")


def default() -> "Memo":
    """The memo in the user's cache folder: outside of the project, so that every copy of it shares one."""
    return Memo(platformdirs.user_cache_path("lid-pipeline") / "memo")


def name(content: dict[str, Any], modules: Sequence[ModuleType], packages: Sequence[str]) -> str:
    """The name of the entry for what these modules, with these packages, make of this.

    Parameters
    ----------
    content
        Plain JSON values: the digests of the audio and the parameters.
    """
    made_by = [*map(_code, modules), *map(_version, packages)]
    return hashlib.sha256(json.dumps([content, made_by], sort_keys=True).encode()).hexdigest()


@functools.cache
def _code(module: ModuleType) -> str:
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()


@functools.cache
def _version(package: str) -> str:
    return importlib.metadata.version(package)


@dataclass(frozen=True)
class Memo:
    """A folder of entries; any number of processes may read and write it at once."""

    folder: Path

    def get(self, name: str) -> tuple[bytes | None, Origin]:
        """The content of an entry, None where it has to be computed, and where the result will then be from."""
        for path in self.folder.glob(f"{name[:2]}/{name}.*"):
            if path.suffix != ".partial":
                with suppress(OSError):
                    content = path.read_bytes()
                    return (content, "memo") if path.suffix == _checksum(content) else (None, "damaged")
        return None, "computed"

    def put(self, name: str, content: bytes | Path) -> None:
        """Keep the content of an entry, if that is possible: whoever computed it has it all the same.

        A file is kept as a further link to it where the file system allows, so that no byte is written twice.
        """
        path = self.folder / name[:2]
        with suppress(OSError):
            for damaged in path.glob(f"{name}.*"):
                damaged.unlink()
            if isinstance(content, bytes):
                files.replace(path / f"{name}{_checksum(content)}", content)
                return
            held = content.read_bytes()
            path.mkdir(parents=True, exist_ok=True)
            try:
                (path / f"{name}{_checksum(held)}").hardlink_to(content)
            except OSError:
                files.replace(path / f"{name}{_checksum(held)}", held)

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def admit(self, names: Sequence[str], each: int) -> set[str]:
        """Which of the entries that a run asks for may be kept; those that must go for them are removed, oldest first.

        Entries that the run may use are never removed for it, so a run larger than the limit keeps its beginning.

        Parameters
        ----------
        each
            Bytes of an entry, at most.
        """
        entries = self._entries()
        limit = min(LIMIT, (sum(size for _, size, _ in entries) + shutil.disk_usage(self._root()).free) // 2)
        admitted = set(names[: limit // each])
        others = [entry for entry in entries if entry[2].stem not in admitted]
        excess = sum(size for _, size, _ in others) + len(admitted) * each - limit
        for _, size, path in sorted(others):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
        return admitted

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When it was written, its size and its path, of every entry."""
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
