"""The forms of a network: one definition, built to learn from whole sequences or to answer frame by frame.

    MFCCs ─► normalisation ─► GRU or LSTM layers ─► dense layers ─► softmax, for every frame

An ensemble is two of these side by side; the product of their answers is one posterior over the classes:

    p(class) = Σ p₁(output) [class ∈ output] · (p₂(class) if the second network separates it, 1 if not)

    form       input                                output
    network    (batch, frames, n_mfcc)              posteriors (batch, frames, outputs), of one network alone
    sequence   (batch, frames, n_mfcc)              posteriors (batch, frames, classes)
    step       frame (1, 1, n_mfcc), every state    posterior (1, 1, classes), every next state
    stateful   (1, frames, n_mfcc)                  posteriors (1, frames, classes); Keras keeps the states
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline import backend
from pipeline.backend import Model, Tensor
from pipeline.network.definition import CELLS, Architecture, RecurrentLayer, membership

MIN_VARIANCE = 1e-6  # of a coefficient: a constant one would cause a division by 0

Recurrent = Callable[[RecurrentLayer, str, int, Tensor], Tensor]  # layer, its name, units, signal -> signal


def network(architecture: Architecture, number: int) -> Model:
    """Build one network on whole sequences, for training: the posterior over its own outputs."""
    features, recurrent = _features(architecture), _on_sequences()
    signal = _normalised(architecture, features)
    return backend.keras().Model(features, _answer(architecture, number, signal, recurrent))


def sequence(architecture: Architecture) -> Model:
    """Build the posterior over classes of whole sequences, for training and offline scores."""
    features = _features(architecture)
    return backend.keras().Model(features, _posterior(architecture, features, _on_sequences()))


def stateful(architecture: Architecture) -> Model:
    """Build the posterior over classes of one stream in pieces of any length; its layers keep the states."""
    features = _features(architecture, batch_size=1)
    return backend.keras().Model(features, _posterior(architecture, features, _on_sequences(stateful=True)))


def step(architecture: Architecture) -> Model:
    """Build the step from one frame and the states to the posterior and the next states, in dictionaries by name."""
    keras = backend.keras()
    frame = keras.Input((1, architecture.n_mfcc), batch_size=1, name="frame")
    states = {name: keras.Input((units,), batch_size=1, name=name) for name, units in architecture.states.items()}
    following: dict[str, Tensor] = {}

    def recurrent(kind: RecurrentLayer, name: str, units: int, signal: Tensor) -> Tensor:
        names = [f"{name}_{state}" for state in kind.states]
        options = {"return_sequences": True, "return_state": True, "unroll": True, "name": name}
        layer = getattr(keras.layers, kind.keras)(units, **options)
        signal, *after = layer(signal, initial_state=[states[state] for state in names])
        following.update({f"next_{state}": value for state, value in zip(names, after, strict=True)})
        return signal

    posterior = _posterior(architecture, frame, recurrent)
    return keras.Model({"frame": frame, **states}, {"posterior": posterior, **following})


def transfer(source: Model, target: Model) -> None:
    """Copy weights from the layers of `source` to the layers of the same name in `target`; others stay as they are."""
    names = {layer.name for layer in source.layers}
    for layer in target.layers:
        if layer.name in names:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def normalisation(architecture: Architecture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and offset that give MFCCs of the training frames mean 0 and variance 1, each of shape (n_mfcc,).

    They are 0 for MFCCs beyond `architecture.cepstra`, which the network does not see.
    """
    scale = 1 / np.sqrt(np.maximum(architecture.variance, MIN_VARIANCE))
    scale[architecture.cepstra or len(scale) :] = 0
    return scale, -np.array(architecture.mean) * scale


def _features(architecture: Architecture, **options: int) -> Tensor:
    return backend.keras().Input((None, architecture.n_mfcc), name="mfcc", **options)


def _on_sequences(**options: bool) -> Recurrent:
    def recurrent(kind: RecurrentLayer, name: str, units: int, signal: Tensor) -> Tensor:
        layer = getattr(backend.keras().layers, kind.keras)
        return layer(units, return_sequences=True, name=name, **options)(signal)

    return recurrent


def _normalised(architecture: Architecture, features: Tensor) -> Tensor:
    scale, offset = (values.tolist() for values in normalisation(architecture))
    return backend.keras().layers.Rescaling(scale, offset, name="normalisation")(features)


def _answer(architecture: Architecture, number: int, signal: Tensor, recurrent: Recurrent) -> Tensor:
    layers, name = backend.keras().layers, f"network{number}"
    signal = layers.GaussianNoise(architecture.noise, name=f"{name}_noise")(signal)
    for index, units in enumerate(architecture.units):
        signal = recurrent(CELLS[architecture.cell], f"{name}_{architecture.cell}{index}", units, signal)
        signal = layers.Dropout(architecture.dropout, name=f"{name}_dropout{index}")(signal)
    for index, units in enumerate(architecture.dense):
        signal = layers.Dense(units, activation="relu", name=f"{name}_dense{index}")(signal)
    outputs = len(architecture.members[number])
    return layers.Dense(outputs, activation="softmax", name=f"{name}_softmax")(signal)


def _posterior(architecture: Architecture, features: Tensor, recurrent: Recurrent) -> Tensor:
    keras = backend.keras()
    signal = _normalised(architecture, features)
    answers = [_answer(architecture, number, signal, recurrent) for number in range(len(architecture.members))]
    if len(answers) == 1:
        return answers[0]
    spread = []
    for number, (answer, outputs) in enumerate(zip(answers, architecture.members, strict=True)):
        holds = membership(outputs, architecture.classes)
        # The second network leaves the classes that it does not separate to the first: a factor of one.
        absent = number * (1.0 - holds.any(axis=0))
        layer = keras.layers.Dense(len(architecture.classes), trainable=False, name=f"network{number}_classes")
        spread.append(layer(answer))
        layer.set_weights([holds.astype(np.float32), absent.astype(np.float32)])
    return keras.layers.Multiply(name="product")(spread)
