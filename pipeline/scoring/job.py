"""The job of stages export and evaluate: score recordings in parallel, offline or as streams that are proven equal."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import checksums, cluster
from pipeline.audio.wav import Wav
from pipeline.cluster import Job
from pipeline.errors import ArtifactError
from pipeline.rows import SplitRow
from pipeline.scoring import evaluation, splices
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.splices import Found, Splice
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.timeline import Turns

if TYPE_CHECKING:
    from distributed import Client

PROVEN = 300  # recordings that are streamed: if 1 % of all streams differed, one of these would with 95 % probability
PART = 50  # recordings per task
SECONDS = 10.0  # that a recording may take for each second of audio


class Recording(NamedTuple):
    """A recording to score: as a stream of its audio, or offline without."""

    row: SplitRow
    wav: Wav | None = None


class Loaded(NamedTuple):
    """An exported network in memory, offline and as a stream if it can."""

    network: OfflineNetwork
    identifier: Identifier | None


def load(features: Path, model: Path) -> Loaded:
    """Load an exported network, to be used on the features of a store."""
    description = Description.read(model)
    network = runtimes.load(model, "onnx", description.states)
    identifier = Identifier.load(model) if description.streaming else None
    return Loaded(OfflineNetwork(FeatureStore.open(features), network, description), identifier)


def score_part(
    recordings: Sequence[Recording], *, left_out: frozenset[int], keep: bool, features: Path, model: Path, version: str
) -> list[RecordingScore]:
    """Score the recordings of a part."""
    if left_out:
        name = recordings[min(left_out)].row.recording
        raise ArtifactError(f"{name!r} can't be scored: it ended every worker process, or took too long")
    network, identifier = _loaded(features, model, version)
    return [
        evaluation.score(row, wav, network, identifier)
        if wav and identifier
        else evaluation.score_offline(row, network)
        for row, wav in recordings
    ]


def measure_part(
    streams: Sequence[Splice],
    *,
    left_out: frozenset[int],
    keep: bool,
    features: Path,
    model: Path,
    version: str,
    turns: Sequence[Turns],
) -> list[list[Found]]:
    """Return what the timeline makes of each stream with each of these settings."""
    network, _ = _loaded(features, model, version)
    return [splices.measure(stream, network, turns) for place, stream in enumerate(streams) if place not in left_out]


@functools.lru_cache(maxsize=1)
def _loaded(features: Path, model: Path, version: str) -> Loaded:
    return load(features, model)


SCORE: Job[Recording, list[RecordingScore]] = Job(
    name="evaluate",
    unit="recordings",
    code=(),
    packages=("ai-edge-litert", "numpy", "onnxruntime", "soxr", "zarr"),
    function=score_part,
    label=lambda recording: recording.row.recording,
    seconds=lambda recording: SECONDS * recording.row.duration_s,
)
MEASURE: Job[Splice, list[list[Found]]] = Job(
    name="splices",
    unit="streams",
    code=(),
    packages=SCORE.packages,
    function=measure_part,
    label=lambda stream: f"a stream of {len(stream)} turns",
    seconds=lambda stream: SECONDS * sum(turn.frames for turn in stream) / 100,
)
MODULES = ("pipeline.scoring.job", "ai_edge_litert.interpreter", "onnxruntime")
"""Modules that workers import as they start."""


def run(
    client: "Client", recordings: Sequence[Recording], features: Path, model: Path, name: str = SCORE.name
) -> Iterator[RecordingScore]:
    """Score recordings on a cluster; yield the scores in order, as they are known.

    Parameters
    ----------
    features, model
        Folders of the feature store and of the exported model.
    name
        Name of the work in messages.
    """
    yield from _run(client, replace(SCORE, name=name), recordings, features, model)


def measured(
    client: "Client", streams: Sequence[Splice], features: Path, model: Path, turns: Sequence[Turns]
) -> list[list[Found]]:
    """Return what the timeline of a model makes of each stream with each of these settings."""
    return list(_run(client, MEASURE, streams, features, model, turns=turns))


def _run(
    client: "Client", job: Job[Any, list[Any]], items: Sequence[Any], features: Path, model: Path, **bound: Any
) -> Iterator[Any]:
    parts = [items[at : at + PART] for at in range(0, len(items), PART)]
    folders: dict[str, Any] = {"features": features.resolve(), "model": model.resolve()}  # workers may run elsewhere
    version = checksums.version(model)
    for found in cluster.run(client, job, parts, shared=model.parent, version=version, **folders, **bound):
        yield from found
