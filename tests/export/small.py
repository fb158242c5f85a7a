"""Small exported networks with random weights, one per silence strategy, shared by the tests of several packages."""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from pipeline import backend, checksums, params
from pipeline.arrays import Features, Posteriors
from pipeline.dataset import views
from pipeline.export import formats
from pipeline.network import forms
from pipeline.network.definition import Architecture, Division, make_architecture
from pipeline.streaming.description import Description
from pipeline.streaming.reference import Predict

if TYPE_CHECKING:
    from keras import Model

LANGUAGES = ("english", "hindi", "mandarin")
STRATEGIES: tuple[params.SilenceStrategy, ...] = get_args(params.SilenceStrategy)
RATE_HZ, N_MFCC = 16000, 13
MFCC = params.Mfcc(n_mfcc=N_MFCC, n_fft=400, hop_length=160, n_mels=20, fmin=0.0, fmax=None, top_db=None)
DEFAULTS = params.load(Path(__file__).parents[2] / "params.yaml")
SILENCE = DEFAULTS.silence
DIVISION = Division("english", (("a", "b"), ("c",)), ("hindi", "mandarin"))
SCRATCH = tempfile.TemporaryDirectory(prefix="exports")  # removed when Python ends


def design(
    strategy: params.SilenceStrategy,
    cell: params.Cell = "gru",
    units: tuple[int, ...] = (8,),
    dense: tuple[int, ...] = (),
    division: Division | None = None,
    stride: int = 1,
) -> Architecture:
    """An architecture that normalises MFCCs roughly as training would."""
    model = params.Model(cell=cell, stride=stride, units=units, dense=dense, dropout=0.2, noise=0.1)
    classes = views.classes(strategy, LANGUAGES)
    return make_architecture(model, classes, division, np.zeros(N_MFCC), np.full(N_MFCC, 400.0), strategy)


DESIGNS = {
    "none": design("none", "gru", (12, 7), (9,)),
    "remove": design("remove", "lstm"),
    "mask": design("mask", stride=2),
    "label": design("label", "gru", (8, 7), (9,), DIVISION, stride=3),
}


@dataclass(frozen=True)
class Export:
    """A network with random weights, and its export."""

    architecture: Architecture
    description: Description
    folder: Path  # of model/ and streaming/

    @property
    def streaming(self) -> Path:
        return self.folder / "streaming"


@functools.cache
def made(strategy: params.SilenceStrategy) -> Export:
    """The export for a strategy; `remove` and `label` have every option that changes a stream."""
    architecture, folder = DESIGNS[strategy], Path(SCRATCH.name) / strategy
    (folder / "model").mkdir(parents=True)
    trained = network(architecture)
    trained.save(folder / "model" / "sequence.keras")
    checksums.seal(folder / "model")
    description = described(strategy, trained.count_params())
    formats.write(trained, architecture, description, folder / "streaming")
    return Export(architecture, description, folder)


def described(strategy: params.SilenceStrategy, weights: int = 1) -> Description:
    """The description of the export for a strategy."""
    silence = SILENCE.model_copy(update={"strategy": strategy})
    settings = DEFAULTS.model_copy(update={"mfcc": MFCC, "silence": silence})
    return formats.describe(settings, DESIGNS[strategy], weights)


def network(architecture: Architecture) -> "Model":
    """A network on whole sequences with random weights and biases, which Keras would start at 0."""
    backend.keras().utils.set_random_seed(3)
    whole, rng = forms.sequence(architecture), np.random.default_rng(3)
    for number in range(len(architecture.members)):
        model = forms.network(architecture, number)
        for values in model.trainable_variables:
            values.assign_add(rng.normal(0, 0.1, values.shape))
        forms.transfer(model, whole, architecture.stride)
    return whole


@functools.cache
def trained(folder: Path) -> Predict:
    """The network that was exported from a folder, on whole sequences."""
    model = formats.load(folder / "model" / "sequence.keras")

    def predict(features: Features) -> Posteriors:
        padding = -len(features) % 256  # TensorFlow traces every length anew; a network does not see what comes later
        return np.asarray(model.predict(np.pad(features, ((0, padding), (0, 0)))[None], verbose=0)[0, : len(features)])

    return predict
