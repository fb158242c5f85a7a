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
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import backend
from pipeline.network.definition import CELLS, Architecture, membership

if TYPE_CHECKING:
    from keras import KerasTensor, Model

MIN_VARIANCE = 1e-6  # of a coefficient: a constant one would cause a division by 0

Recurrent = Callable[[str, int, "KerasTensor"], "KerasTensor"]  # layer's name, units, signal -> signal


def network(architecture: Architecture, number: int) -> "Model":
    """One network on whole sequences, for training: the posterior over its own outputs."""
    keras = backend.keras()
    features = keras.Input((None, architecture.n_mfcc), name="mfcc")
    signal = _normalised(architecture, features)
    return keras.Model(features, _answer(architecture, number, signal, _recurrent_sequence(architecture)))


def sequence(architecture: Architecture) -> "Model":
    """The posterior over classes of whole sequences, for training and offline scores."""
    keras = backend.keras()
    features = keras.Input((None, architecture.n_mfcc), name="mfcc")
    return keras.Model(features, _posterior(architecture, features, _recurrent_sequence(architecture)))


def stateful(architecture: Architecture) -> "Model":
    """The posterior over classes of one stream in pieces of any length; its layers keep the states between calls."""
    keras = backend.keras()
    features = keras.Input((None, architecture.n_mfcc), batch_size=1, name="mfcc")
    return keras.Model(features, _posterior(architecture, features, _recurrent_sequence(architecture, stateful=True)))


def step(architecture: Architecture) -> "Model":
    """From one frame and the states to the posterior and the next states, all in dictionaries by name."""
    keras = backend.keras()
    frame = keras.Input((1, architecture.n_mfcc), batch_size=1, name="frame")
    states = {name: keras.Input((units,), batch_size=1, name=name) for name, units in architecture.states.items()}
    following: dict[str, KerasTensor] = {}

    def recurrent(name: str, units: int, signal: "KerasTensor") -> "KerasTensor":
        layer = _cell(architecture)(units, return_sequences=True, return_state=True, unroll=True, name=name)
        names = [f"{name}_{state}" for state in CELLS[architecture.cell].states]
        signal, *after = layer(signal, initial_state=[states[state] for state in names])
        following.update({f"next_{state}": value for state, value in zip(names, after, strict=True)})
        return signal

    posterior = _posterior(architecture, frame, recurrent)
    return keras.Model({"frame": frame, **states}, {"posterior": posterior, **following})


def transfer(source: "Model", target: "Model") -> None:
    """Copy weights from the layers of `source` to the layers of the same name in `target`; others stay as they are."""
    names = {layer.name for layer in source.layers}
    for layer in target.layers:
        if layer.name in names:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def _cell(architecture: Architecture) -> Any:
    return getattr(backend.keras().layers, CELLS[architecture.cell].keras)


def _recurrent_sequence(architecture: Architecture, stateful: bool = False) -> Recurrent:
    def recurrent(name: str, units: int, signal: "KerasTensor") -> "KerasTensor":
        output: KerasTensor = _cell(architecture)(units, return_sequences=True, stateful=stateful, name=name)(signal)
        return output

    return recurrent


def _normalised(architecture: Architecture, features: "KerasTensor") -> "KerasTensor":
    deviation = np.sqrt(np.maximum(architecture.variance, MIN_VARIANCE))
    # Rescaling, not Normalization, whose tensors Keras exports to ONNX as further inputs.
    layer = backend.keras().layers.Rescaling(
        scale=(1 / deviation).tolist(), offset=(-np.array(architecture.mean) / deviation).tolist(), name="normalisation"
    )
    output: KerasTensor = layer(features)
    return output


def _answer(architecture: Architecture, number: int, signal: "KerasTensor", recurrent: Recurrent) -> "KerasTensor":
    layers, name = backend.keras().layers, f"network{number}"
    signal = layers.GaussianNoise(architecture.noise, name=f"{name}_noise")(signal)
    for index, units in enumerate(architecture.units):
        signal = recurrent(f"{name}_{architecture.cell}{index}", units, signal)
        signal = layers.Dropout(architecture.dropout, name=f"{name}_dropout{index}")(signal)
    for index, units in enumerate(architecture.dense):
        signal = layers.Dense(units, activation="relu", name=f"{name}_dense{index}")(signal)
    outputs = len(architecture.members[number])
    output: KerasTensor = layers.Dense(outputs, activation="softmax", name=f"{name}_softmax")(signal)
    return output


def _posterior(architecture: Architecture, features: "KerasTensor", recurrent: Recurrent) -> "KerasTensor":
    keras = backend.keras()
    signal = _normalised(architecture, features)
    answers = [_answer(architecture, number, signal, recurrent) for number in range(len(architecture.members))]
    if len(answers) == 1:
        return answers[0]
    spread = []
    for number, (answer, outputs) in enumerate(zip(answers, architecture.members, strict=True)):
        holds = membership(outputs, architecture.classes)
        # The second network leaves the classes that it does not separate to the first: a factor of one.
        absent = np.zeros(len(architecture.classes)) if number == 0 else 1.0 - holds.any(axis=0)
        layer = keras.layers.Dense(len(architecture.classes), trainable=False, name=f"network{number}_classes")
        spread.append(layer(answer))
        layer.set_weights([holds.astype(np.float32), absent.astype(np.float32)])
    output: KerasTensor = keras.layers.Multiply(name="product")(spread)
    return output
