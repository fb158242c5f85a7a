"""features.zarr of a DVC repository at a git revision, read piece by piece from DVC's cache or remote."""

from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import CloneError, RevError
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from zarr.storage import FsspecStore

from pipeline.errors import ArgumentError
from pipeline.shards.reader import StoreFiles


def source(repo: str, rev: str, path: str) -> StoreFiles:
    """Return the store at a path of a repository.

    Raises
    ------
    ArgumentError
        If there is no such repository or revision.
    """
    try:
        files = _Files(repo, rev=rev)
        files.ls("")
    except (DvcException, CloneError, RevError) as error:
        remedy = "name a DVC repository, and a commit, branch or tag of it"
        raise ArgumentError(f"{repo!r} at {rev!r} can't be opened ({error.__cause__ or error}); {remedy}") from error
    store = FsspecStore(AsyncFileSystemWrapper(files, asynchronous=True), read_only=True, path=path)
    return StoreFiles(f"{repo}@{rev}:{path}", store)


class _Files(DVCFileSystem):  # type: ignore[misc]  # DVC has no types
    """DVC's file system counts neither from a file's end, where Zarr keeps the index of a shard, nor its bytes."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> Any:
        with self.open(path, "rb") as file:
            if start is not None:
                file.seek(start, 2 if start < 0 else 0)
            return file.read(-1 if end is None else end - file.tell())

    def size(self, path: str) -> Any:
        with self.open(path, "rb") as file:
            return file.seek(0, 2)
