"""Files and folders that appear complete or not at all, even if the program that writes them is killed."""

import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import ArtifactError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new name to write to; that file replaces the one at `path` when the block ends without an error.

    So nothing is written through a link: DVC's cache and the file in artifacts/ may be one file with two names.
    """
    open_file = path.parent.resolve() == Path("/dev") or path.parent.resolve().is_relative_to("/proc")  # /dev/stdout
    if path.exists() and not path.is_dir() and (open_file or not path.is_file()):  # or a device, or a pipe
        yield path
        return
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it; make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write into, which replaces `folder` when the block ends without an error.

    Its name is new every time, so that a task which outlives a killed run can't write into the next one's.

    Raises
    ------
    ArtifactError
        If another process is in such a block for any folder in the same parent, such as a stage that still runs after
        only `dvc repro` was killed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = locked(folder.parent)
    except BlockingIOError as error:
        raise ArtifactError(
            f"another process, maybe of a run that was killed, is writing into {folder.parent}; wait for it, or end it"
        ) from error
    try:
        with scratch(folder.parent, folder.name) as partial:
            yield partial
            if folder.is_symlink() or folder.is_file():
                folder.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        os.close(lock)


@contextmanager
def scratch(folder: Path, name: str = "") -> Iterator[Path]:
    """Make an empty folder in `folder`, whose name begins with `name`, and remove it after the block.

    The process holds a lock on it. A process that is killed loses its lock, and the next call for `folder` and `name`
    removes the leftover.
    """
    for leftover in folder.glob(f"{glob.escape(name)}.*.scratch"):
        with suppress(OSError):
            lock = locked(leftover)
            shutil.rmtree(leftover, ignore_errors=True)
            os.close(lock)
    while True:  # until no sweep of another process comes between the two calls
        mine = folder / f"{name}.{uuid.uuid4().hex}.scratch"
        mine.mkdir()
        with suppress(BlockingIOError, FileNotFoundError):
            lock = locked(mine)
            if mine.exists():
                break
            os.close(lock)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        os.close(lock)


def locked(folder: Path) -> int:
    """Lock a folder; closing the returned descriptor, or the end of the process, unlocks it.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    """
    import fcntl  # not on Windows, where only inference runs

    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
