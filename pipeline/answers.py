"""The jobs of `lid identify -j` and `lid evaluate -j`: the answers to many files, and their scores."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pipeline import checksums, cluster
from pipeline.audio import cuts
from pipeline.audio.decode import decode
from pipeline.cluster import Job
from pipeline.console.text import printable
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError
from pipeline.parts import cut
from pipeline.rows import RejectedRow, SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.answer import Answered, identify
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.runtimes import Name

if TYPE_CHECKING:
    from distributed import Client

Sized = TypeVar("Sized", "File", "Listed")

PACKAGES = ("ai-edge-litert", "numpy", "onnxruntime", "soundfile", "soxr")
UNDECODABLE = "can't be decoded; convert it to WAV or FLAC"
BYTES_PER_S = 1e4  # a hundredth of the usual speed with the smallest files for their length


class File(NamedTuple):
    """A file, and its size in bytes; 0 if it is missing."""

    path: Path
    size: int

    @classmethod
    def of(cls, path: Path) -> "File":
        """Look at a file."""
        return cls(path, path.stat().st_size if path.is_file() else 0)


class Listed(NamedTuple):
    """A recording of a corpus, and the file that it is in."""

    entry: Entry
    path: Path

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.entry.size


class ModelVersion(NamedTuple):
    """An exported model as workers load it, once for each version of its files."""

    folder: Path
    runtime: Name
    version: str
    prior: tuple[tuple[str, float], ...] | None

    @classmethod
    def at(cls, folder: Path, runtime: Name, prior: Mapping[str, float] | None = None) -> "ModelVersion":
        """Look at a folder; the prior of each possible language may be given."""
        version, given = checksums.version(folder), None if prior is None else tuple(prior.items())
        return cls(folder.resolve(), runtime, version, given)  # workers may run in another folder


@functools.lru_cache(maxsize=1)
def _loaded(model: ModelVersion) -> Identifier:
    prior = None if model.prior is None else dict(model.prior)
    return Identifier.load(model.folder, model.runtime, languages=prior)


def identify_part(
    files: Sequence[File], *, left_out: frozenset[int], keep: bool, model: ModelVersion, place: Path
) -> list[Answered]:
    """Identify the languages of the files of a part."""
    return [
        Answered(None, f"error: {printable(file.path)} {UNDECODABLE}")
        if position in left_out
        else identify(file.path, _loaded(model), place)
        for position, file in enumerate(files)
    ]


def score_part(
    recordings: Sequence[Listed], *, left_out: frozenset[int], keep: bool, model: ModelVersion
) -> list[RecordingScore | RejectedRow]:
    """Score the recordings of a part."""
    return [
        RejectedRow(listed.entry.name, "killed", UNDECODABLE) if position in left_out else score(listed, _loaded(model))
        for position, listed in enumerate(recordings)
    ]


def score(listed: Listed, network: Identifier) -> RecordingScore | RejectedRow:
    """Score a recording of a corpus as a stream, unless it can't be used."""
    entry = listed.entry
    try:
        decoded = decode(listed.path)
        stream = network.stream(decoded.sample_rate)
        group = entry.group or entry.file_id
        row = SplitRow(entry.id(), entry.language, entry.speaker, group, 0.0, source=entry.source)
        blocks = cuts.between(decoded, entry.channel, *entry.span(decoded.sample_rate))
        return evaluation.score_frames(row, evaluation.streamed(stream, blocks), stream.description)
    except AudioError as error:
        return RejectedRow(entry.name, error.reason, error.detail)


IDENTIFY: Job[File, list[Answered]] = Job(
    name="identify",
    unit="files",
    code=(),
    packages=PACKAGES,
    function=identify_part,
    label=lambda file: printable(file.path),
    seconds=lambda file: file.size / BYTES_PER_S,
    in_order=True,
)
EVALUATE: Job[Listed, list[RecordingScore | RejectedRow]] = Job(
    name="evaluate",
    unit="recordings",
    code=(),
    packages=PACKAGES,
    function=score_part,
    label=lambda listed: printable(listed.entry.name),
    seconds=lambda listed: listed.size / BYTES_PER_S,
)
MODULES = ("pipeline.answers", "onnxruntime")
"""Modules that workers import as they start."""


def identified(client: "Client", paths: Sequence[Path], model: ModelVersion, shared: Path) -> Iterator[Answered]:
    """Identify the languages of files on a cluster; yield the answers in order, as they are known.

    Parameters
    ----------
    shared
        Folder that every worker sees.
    """
    parts = _divided([File.of(path) for path in paths], [str(path) for path in paths])
    for answers in cluster.run(client, IDENTIFY, parts, shared=shared, model=model, place=Path.cwd()):
        yield from answers


def scored(
    client: "Client", recordings: Sequence[Listed], model: ModelVersion, shared: Path
) -> Iterator[RecordingScore | RejectedRow]:
    """Score the recordings of a corpus on a cluster; yield the scores in order, as they are known."""
    parts = _divided(recordings, [f"{listed.entry.name} {listed.entry.part()}" for listed in recordings])
    for scores in cluster.run(client, EVALUATE, parts, shared=shared, model=model):
        yield from scores


def _divided(items: Sequence[Sized], names: Sequence[str]) -> list[Sequence[Sized]]:
    return [items[part.start : part.stop] for part in cut(names, [item.size for item in items])]
