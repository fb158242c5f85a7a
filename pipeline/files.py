"""Files and folders that are there whole or not at all, whenever the program that writes them is killed."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ArtifactError


def replace(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which becomes `folder`, and replaces it, once the block has ended well.

    Its name is new every time, so that a task which outlives a killed run can't write into the next one's.

    Raises
    ------
    ArtifactError
        Where another process is in such a block, for any folder beside this one: where `dvc repro` alone was killed,
        the stage that it had started goes on.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for leftover in folder.parent.glob(f"{folder.name}.*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)
        partial = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.partial")
        partial.mkdir()
        try:
            yield partial
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except BlockingIOError:
        raise ArtifactError(
            f"another process, maybe of a run that was killed, is writing into {folder.parent}; wait for it, or end it"
        ) from None
    finally:
        os.close(lock)
