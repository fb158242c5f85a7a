"""Small exported networks with random weights."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from pipeline import backend, checksums, params
from pipeline.arrays import Features, Posteriors
from pipeline.dataset import views
from pipeline.export import formats
from pipeline.network import forms
from pipeline.network.definition import Architecture, make_architecture
from pipeline.network.ensemble import Division
from pipeline.streaming.decision import Rule
from pipeline.streaming.description import Description
from pipeline.streaming.reference import Predict

if TYPE_CHECKING:
    from keras import Model

LANGUAGES = ("english", "hindi", "mandarin")
STRATEGIES: tuple[params.SilenceStrategy, ...] = get_args(params.SilenceStrategy)
RATE_HZ, N_MFCC = 16000, 13
MFCC = params.Mfcc(n_mfcc=N_MFCC, n_fft=400, hop_length=160, n_mels=20, fmin=0.0, fmax=None, top_db=None)


def design(
    strategy: params.SilenceStrategy,
    cell: params.Cell = "gru",
    units: tuple[int, ...] = (8,),
    dense: tuple[int, ...] = (),
    division: Division | None = None,
    cmvn: params.Cmvn = "none",
    deltas: int = 0,
) -> Architecture:
    """An architecture that normalises MFCCs roughly as training would."""
    model = params.Model(
        cell=cell, units=units, dense=dense, dropout=0.2, noise=0.1, cmvn=cmvn, cmvn_frames=300, deltas=deltas
    )
    classes = views.classes(strategy, LANGUAGES)
    return make_architecture(model, classes, division, np.zeros(N_MFCC), np.full(N_MFCC, 400.0), strategy)


def network(architecture: Architecture) -> "Model":
    """A network on whole sequences with random weights and biases, which Keras would start at 0."""
    backend.keras().utils.set_random_seed(3)
    model, rng = forms.sequence(architecture), np.random.default_rng(3)
    for values in model.trainable_variables:
        values.assign_add(rng.normal(0, 0.1, values.shape))
    return model


def export(
    architecture: Architecture,
    strategy: params.SilenceStrategy,
    detection: params.Silence,
    folder: Path,
    tolerance: float = 1e-4,
) -> Description:
    """Write a network with random weights, and its export, into a folder: model/sequence.keras and streaming/."""
    (folder / "model").mkdir(parents=True)
    trained = network(architecture)
    trained.save(folder / "model" / "sequence.keras")
    checksums.seal(folder / "model")
    description = formats.describe(
        architecture,
        languages=LANGUAGES,
        sample_rate=RATE_HZ,
        mfcc=MFCC,
        silence=detection.model_copy(update={"strategy": strategy}),
        decision=Rule(),
        streaming=True,
        tolerance=tolerance,
        weights=trained.count_params(),
    )
    formats.write(trained, architecture, description, folder / "streaming")
    return description


def trained(folder: Path) -> Predict:
    """The network that was exported from a folder, on whole sequences."""
    model = formats.load(folder / "model" / "sequence.keras")

    def predict(features: Features) -> Posteriors:
        return np.asarray(model.predict(features[None], verbose=0)[0])

    return predict
