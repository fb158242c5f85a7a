"""The place of a store: a folder, or any Zarr store, such as one behind a URL."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

from zarr.abc.store import Store
from zarr.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore

from pipeline.errors import ArgumentError


class StoreFiles(ABC):
    """The files of a store.

    Attributes
    ----------
    name
        Its path or address, for messages.
    store
        What zarr opens.
    remedy
        What to do about a damaged file, as the end of a sentence.
    """

    name: str
    store: Store
    remedy: str

    @abstractmethod
    def read(self, file: str) -> bytes:
        """The content of a file; OSError if it can't be read."""

    @abstractmethod
    def sizes(self, files: Iterable[str]) -> list[int]:
        """Bytes of files, 0 for those that are missing."""


class Folder(StoreFiles):
    """A store on this machine's disk."""

    def __init__(self, path: Path) -> None:
        self.name, self.store, self.path = str(path), LocalStore(path, read_only=True), path
        self.remedy = f"delete {path} and run `dvc repro`"

    def read(self, file: str) -> bytes:
        return (self.path / file).read_bytes()

    def sizes(self, files: Iterable[str]) -> list[int]:
        paths = (self.path / file for file in files)
        return [path.stat().st_size if path.is_file() else 0 for path in paths]


class Anywhere(StoreFiles):
    """Any Zarr store."""

    def __init__(self, name: str, store: Store) -> None:
        self.name, self.store = name, store
        self.remedy = "copy the store there again"

    def read(self, file: str) -> bytes:
        content = sync(self.store.get(file, default_buffer_prototype()))
        if content is None:
            raise FileNotFoundError(f"{self.name} has no {file}")
        return content.to_bytes()

    def sizes(self, files: Iterable[str]) -> list[int]:
        async def size(file: str) -> int:
            try:
                return await self.store.getsize(file)
            except FileNotFoundError:
                return 0

        async def together() -> list[int]:
            return list(await asyncio.gather(*map(size, files)))

        return sync(together())


def make(place: Path | str | Store) -> StoreFiles:
    """The source at a path, a URL such as s3://bucket/features.zarr, or in a Zarr store.

    Raises
    ------
    ArgumentError
        If the package for the URL's scheme is not installed, or there is no such scheme.
    """
    if isinstance(place, Store):
        return Anywhere(str(place), place)
    if "://" not in str(place):
        return Folder(Path(place))
    try:
        return Anywhere(str(place), FsspecStore.from_url(str(place), read_only=True))
    except (ImportError, ValueError) as error:
        raise ArgumentError(f"{place} can't be opened ({error}); install that, or use another scheme") from error
