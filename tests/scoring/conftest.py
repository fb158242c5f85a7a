"""Exports, and six recordings of noise in a feature store, as the stages would write them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.arrays import Features, Posteriors
from pipeline.audio.wav import Container, Wav
from pipeline.mfcc.kernel import make_kernel
from pipeline.rows import SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.offline import OfflineNetwork
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import reference, runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier
from tests.audio.signals import babble
from tests.export import small
from tests.stores import build

LENGTHS = (30_000, 8000, 41_234, 160, 20_000, 33_333)  # samples


@dataclass(frozen=True)
class Case:
    """An export, and recordings to score with it."""

    export: small.Export
    features: Path  # the folder of the store
    store: FeatureStore
    rows: list[SplitRow]
    wavs: dict[str, Wav]

    @property
    def description(self) -> Description:
        return self.export.description

    def network(self) -> OfflineNetwork:
        network = runtimes.load(self.export.streaming, "litert", self.description.states)
        return OfflineNetwork(self.store, network.stream(), self.description)

    def identifier(self) -> Identifier:
        return Identifier.load(self.export.streaming)


@pytest.fixture(scope="session", params=["remove", "mask", "label"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder, export = tmp_path_factory.mktemp("scoring"), small.made(request.param)
    description = export.description
    kernel = make_kernel(small.MFCC, small.RATE_HZ)

    def unused(features: Features) -> Posteriors:
        return np.zeros((len(features), len(description.classes)), np.float32)

    rows, wavs, computed = [], {}, []
    for index, n_samples in enumerate(LENGTHS):
        samples, name = babble(index, n_samples), f"r{index}"
        path = folder / f"{name}.wav"
        container = Container(path, small.RATE_HZ)
        container.begin()
        container.write(samples.tobytes())
        container.close()
        wavs[name] = Wav(path, f"corpus/{name}.flac", n_samples, "")
        language = small.LANGUAGES[index % len(small.LANGUAGES)]
        rows.append(SplitRow(name, language, f"speaker{index % 4}", name, n_samples / small.RATE_HZ))
        computed.append(reference.compute(samples, kernel, description, unused))
    path, languages, speakers = folder / "features.zarr", [row.language for row in rows], [row.speaker for row in rows]
    features, speech = (np.concatenate(column) for column in list(zip(*computed, strict=True))[:2])
    store = build(path, list(wavs), languages, speakers, [len(found.speech) for found in computed], features, speech)
    return Case(export, path, store, rows, wavs)


@pytest.fixture(scope="session")
def description() -> Description:
    """The description of a model with a class for silence."""
    return small.described("label")


def hand_made(
    description: Description,
    language: str,
    *favoured: int,
    n_silent: int = 0,
    speaker: str = "ann",
    posterior: float = 0.8,
) -> RecordingScore:
    """The score of a recording that favours these languages in turn, by this posterior, then is silent."""
    posteriors = np.full((len(favoured) + n_silent, len(description.classes)), 0.1, np.float32)
    posteriors[np.arange(len(favoured)), list(favoured)] = posterior
    posteriors[len(favoured) :, -1] = 0.8
    speech = np.arange(len(posteriors)) < len(favoured)
    cut = len(posteriors) // 2
    pieces = [Frames(0, speech[:cut], posteriors[:cut]), Frames(cut, speech[cut:], posteriors[cut:])]
    return evaluation.score_frames(SplitRow("r", language, speaker, "r", 1.0), pieces, description)
