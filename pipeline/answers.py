"""The job of `lid identify -j`: the languages of many files."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import cluster
from pipeline.cluster import Job
from pipeline.console.text import printable
from pipeline.parts import cut
from pipeline.streaming.answer import Answered, identify
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.runtimes import Name

if TYPE_CHECKING:
    from distributed import Client

BYTES_PER_S = 1e4  # a hundredth of the usual speed with the smallest files for their length


class File(NamedTuple):
    """A file, and its size in bytes; 0 if it is missing."""

    path: Path
    size: int

    @classmethod
    def of(cls, path: Path) -> "File":
        """Look at a file."""
        return cls(path, path.stat().st_size if path.is_file() else 0)


def identify_part(
    files: Sequence[File], *, left_out: frozenset[int], keep: bool, folder: Path, runtime: Name, place: Path
) -> list[Answered]:
    """Identify the languages of the files of a part."""
    network = _loaded(folder, runtime)
    return [
        Answered(None, f"error: {printable(file.path)} can't be decoded; convert it to WAV or FLAC")
        if position in left_out
        else identify(file.path, network, place)
        for position, file in enumerate(files)
    ]


_loaded = functools.cache(Identifier.load)

IDENTIFY: Job[File, list[Answered]] = Job(
    name="identify",
    unit="files",
    code=(),
    packages=("ai-edge-litert", "numpy", "onnxruntime", "soundfile", "soxr"),
    function=identify_part,
    label=lambda file: printable(file.path),
    seconds=lambda file: file.size / BYTES_PER_S,
    in_order=True,
)
MODULES = ("pipeline.answers",)
"""Modules that workers import as they start."""


def run(client: "Client", files: Sequence[Path], folder: Path, runtime: Name, shared: Path) -> Iterator[Answered]:
    """Identify the languages of files on a cluster; yield the answers in order, as they are known.

    Parameters
    ----------
    folder
        Folder of the exported model.
    shared
        Folder that every worker sees.
    """
    found = [File.of(path) for path in files]
    parts = [
        found[part.start : part.stop] for part in cut([str(path) for path in files], [file.size for file in found])
    ]
    here: dict[str, Any] = {"folder": folder.resolve(), "place": Path.cwd()}  # workers may run in another folder
    for answers in cluster.run(client, IDENTIFY, parts, shared=shared, runtime=runtime, **here):
        yield from answers
