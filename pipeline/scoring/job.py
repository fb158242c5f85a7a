"""The job of stages export and evaluate: score recordings in parallel, offline or as streams that are proven equal."""

import functools
import hashlib
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
PART = 20  # recordings or streams per task
SECONDS = 10.0  # that a recording may take for each second of audio


class Recording(NamedTuple):
    """A recording to score: as a stream of its audio, or offline without."""

    row: SplitRow
    wav: Wav | None = None


def load(features: Path, model: Path) -> tuple[OfflineNetwork, Identifier | None]:
    """Load an exported network, to be used on the features of a store, and as a stream if it can."""
    description = Description.read(model)
    network = runtimes.load(model, "onnx", description.states)
    identifier = Identifier.load(model) if description.streaming else None
    return OfflineNetwork(FeatureStore.open(features), network, description), identifier


def score_part(
    recordings: Sequence[Recording], *, left_out: frozenset[int], keep: bool, model: Any
) -> list[RecordingScore]:
    """Score the recordings of a part; `model` is what `_loaded` takes."""
    if left_out:
        name = recordings[min(left_out)].row.recording
        raise ArtifactError(f"{name!r} can't be scored: it ended every worker process, or took too long")
    network, identifier = _loaded(*model)
    return [
        evaluation.score(row, wav, network, identifier)
        if wav and identifier
        else evaluation.score_offline(row, network)
        for row, wav in recordings
    ]


def measure_part(
    streams: Sequence[Splice], *, left_out: frozenset[int], keep: bool, model: Any, settings: Sequence[Turns]
) -> list[list[Found]]:
    """Return what the timeline makes of each stream with each of these settings; `model` is what `_loaded` takes."""
    if left_out:
        raise ArtifactError(f"{label(streams[min(left_out)])} ended every worker process, or took too long")
    network, _ = _loaded(*model)
    return [splices.measure(stream, network, settings) for stream in streams]


def label(stream: Splice) -> str:
    """Return the first recordings of the turns of a stream, for messages."""
    return f"the stream of {', '.join(turn.parts[0][0] for turn in stream)}"


@functools.lru_cache(maxsize=1)
def _loaded(features: Path, model: Path, version: str) -> tuple[OfflineNetwork, Identifier | None]:
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
    label=label,
    seconds=lambda stream: splices.LONG_S,
)
MODULES = ("pipeline.scoring.job", "ai_edge_litert.interpreter", "onnxruntime")
"""Modules that workers import as they start."""


def run(
    client: "Client", recordings: Sequence[Recording], features: Path, model: Path, name: str = SCORE.name
) -> Iterator[RecordingScore]:
    """Score recordings on a cluster; yield the scores in order, as they are known.

    `features` and `model` are the folders of the feature store and of the exported model, `name` that of the work in
    messages.
    """
    yield from _run(client, replace(SCORE, name=name), recordings, features, model)


def measured(
    client: "Client", streams: Sequence[Splice], features: Path, model: Path, settings: Sequence[Turns]
) -> list[list[Found]]:
    """Return what the timeline of a model makes of each stream with each of these settings."""
    return list(_run(client, MEASURE, streams, features, model, settings=settings))


def _run(
    client: "Client", job: Job[Any, list[Any]], items: Sequence[Any], features: Path, model: Path, **bound: Any
) -> Iterator[Any]:
    parts = [items[at : at + PART] for at in range(0, len(items), PART)]
    version = checksums.version(model) + hashlib.sha256((features / "zarr.json").read_bytes()).hexdigest()
    bound["model"] = features.resolve(), model.resolve(), version  # workers may run in another folder
    for found in cluster.run(client, job, parts, shared=model.parent, **bound):
        yield from found
