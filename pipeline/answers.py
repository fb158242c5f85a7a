"""The jobs of `lid identify -j` and `lid evaluate -j`: the answers to many files, and their scores."""

import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import checksums, cluster
from pipeline.audio import cuts
from pipeline.audio.decode import decode
from pipeline.cluster import Job
from pipeline.cluster.execution import Item, Result
from pipeline.console.text import printable
from pipeline.corpus import remote
from pipeline.corpus.entries import Entry
from pipeline.corpus.remote import Place
from pipeline.errors import AudioError
from pipeline.parts import cut
from pipeline.rows import RejectedRow, SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.answer import Answered, identify
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.runtimes import Name

PACKAGES = ("ai-edge-litert", "numpy", "onnxruntime", "soundfile", "soxr")
UNDECODABLE = "can't be decoded; convert it to WAV or FLAC"
BYTES_PER_S = 1e4  # a hundredth of the usual speed with the smallest files for their length


# An exported model as `Identifier.load` takes it: its folder, its runtime, and the prior of each possible language.
Model = tuple[Path, Name, Mapping[str, float] | None]


class Listed(NamedTuple):
    """A recording of a corpus, and the file that it is in."""

    entry: Entry
    path: Place


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, runtime: Name, prior: tuple[tuple[str, float], ...] | None, version: str) -> Identifier:
    """Load an exported model, once for each version of its files."""
    return Identifier.load(folder, runtime, languages=dict(prior) if prior else None)


def identify_part(
    paths: Sequence[Path], *, left_out: frozenset[int], keep: bool, model: Any, place: Path
) -> list[Answered]:
    """Identify the languages of the files of a part."""
    return [
        Answered(None, f"error: {printable(path)} {UNDECODABLE}")
        if position in left_out
        else identify(path, _loaded(*model), place)
        for position, path in enumerate(paths)
    ]


def score_part(
    recordings: Sequence[Listed], *, left_out: frozenset[int], keep: bool, model: Any
) -> list[RecordingScore | RejectedRow]:
    """Score the recordings of a part."""
    return [
        RejectedRow(listed.entry.name, "killed", UNDECODABLE)
        if position in left_out
        else score(listed, _loaded(*model))
        for position, listed in enumerate(recordings)
    ]


def score(listed: Listed, network: Identifier) -> RecordingScore | RejectedRow:
    """Score a recording of a corpus as a stream, unless it can't be used."""
    entry = listed.entry
    try:
        with remote.local(listed.path, entry.size) as path:
            decoded = decode(path)
            stream = network.stream(decoded.sample_rate)
            group = entry.group or entry.file_id
            row = SplitRow(entry.id(), entry.language, entry.speaker, group, 0.0, source=entry.source)
            blocks = cuts.between(decoded, entry.channel, *entry.span(decoded.sample_rate))
            return evaluation.score_frames(row, evaluation.streamed(stream, blocks), stream.description)
    except AudioError as error:
        return RejectedRow(entry.name, error.reason, error.detail)


def _size(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it is missing."""
    return path.stat().st_size if path.is_file() else 0


IDENTIFY: Job[Path, list[Answered]] = Job(
    name="identify",
    unit="files",
    code=(),
    packages=PACKAGES,
    function=identify_part,
    label=printable,
    seconds=lambda path: _size(path) / BYTES_PER_S,
    in_order=True,
)
EVALUATE: Job[Listed, list[RecordingScore | RejectedRow]] = Job(
    name="evaluate",
    unit="recordings",
    code=(),
    packages=PACKAGES,
    function=score_part,
    label=lambda listed: printable(listed.entry.name),
    seconds=lambda listed: listed.entry.size / BYTES_PER_S + remote.limit_s(listed.path, listed.entry.size),
)
MODULES = ("pipeline.answers", "onnxruntime")
"""Modules that workers import as they start."""


def identified(paths: Sequence[Path], model: Model, jobs: int) -> Iterator[Answered]:
    """Identify the languages of files in several processes; yield the answers in order, as they are known."""
    parts = [paths[part.start : part.stop] for part in cut(list(map(str, paths)), list(map(_size, paths)))]
    return _results(IDENTIFY, parts, model, jobs, place=Path.cwd())


def scored(recordings: Sequence[Listed], model: Model, jobs: int) -> Iterator[RecordingScore | RejectedRow]:
    """Score the recordings of a corpus in several processes; yield the scores in order, as they are known."""
    names = [f"{listed.entry.name} {listed.entry.part()}" for listed in recordings]
    parts = [recordings[part.start : part.stop] for part in cut(names, [listed.entry.size for listed in recordings])]
    return _results(EVALUATE, parts, model, jobs)


def _results(
    job: Job[Item, list[Result]], parts: Sequence[Sequence[Item]], model: Model, jobs: int, **bound: Any
) -> Iterator[Result]:
    folder, runtime, prior = model
    # Workers may run in another folder, and the model may have been exported again since they loaded it.
    bound["model"] = folder.resolve(), runtime, tuple(prior.items()) if prior else None, checksums.version(folder)
    with cluster.connect(*MODULES, processes=jobs) as client, tempfile.TemporaryDirectory() as shared:
        for results in cluster.run(client, job, parts, shared=Path(shared), **bound):
            yield from results
