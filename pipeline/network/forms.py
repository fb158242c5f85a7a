"""The forms of a network: one definition, built to learn from whole sequences or to answer frame by frame.

    MFCCs ─► normalisation, the first of them ─► GRU or LSTM layers ─► dense layers ─► softmax, for every frame

An ensemble is two of these side by side; the product of their answers is one posterior over the classes:

    p(class) = Σ p₁(output) [class ∈ output] · (p₂(class) if the second network separates it, 1 if not)

    form       input                                output
    network    (batch, steps, n_mfcc)               posteriors (batch, steps, outputs), of one network alone
    sequence   (batch, frames, n_mfcc)              posteriors (batch, frames, classes)
    step       frame (1, 1, n_mfcc), every state    posterior (1, 1, classes), every next state
    stateful   (1, frames, n_mfcc)                  posteriors (1, frames, classes); Keras keeps the states

The form for training gets one frame of each stride, the others all: their GRU layers have units that count frames and
close the update gates between two steps, as `_holding` says. So an export is of plain layers, for any runtime.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline import backend
from pipeline.backend import Model, Tensor
from pipeline.network.definition import CELLS, Architecture, membership

MIN_VARIANCE = 1e-6  # of a coefficient: a constant one would cause a division by 0
CLOSED = 64.0  # input of a gate beyond which it is closed, whatever else it gets
SURE = 20.0  # half of it saturates tanh, to the last bit

Recurrent = Callable[[Architecture, str, Tensor], Tensor]  # network, its name, signal -> signal


def network(architecture: Architecture, number: int) -> Model:
    """Build one network on whole sequences, for training: the posterior over its own outputs.

    Its recurrent layers share one loop over the frames, which takes two thirds of the time of a loop for each; on a GPU
    they are layers that cuDNN runs. Units dropped between them are dropped for a whole sequence.
    """
    architecture = dataclasses.replace(architecture, stride=1)
    features = _features(architecture)
    signal = _normalised(architecture, features)
    recurrent = _in_layers if backend.has_gpu() else _in_one_loop
    return backend.keras().Model(features, _answer(architecture, number, signal, recurrent))


def sequence(architecture: Architecture) -> Model:
    """Build the posterior over classes of whole sequences, for offline scores."""
    features = _features(architecture)
    return backend.keras().Model(features, _posterior(architecture, features, _in_layers))


def stateful(architecture: Architecture) -> Model:
    """Build the posterior over classes of one stream in pieces of any length; its layers keep the states."""
    features = _features(architecture, batch_size=1)
    recurrent = functools.partial(_in_layers, stateful=True)
    return backend.keras().Model(features, _posterior(architecture, features, recurrent))


def step(architecture: Architecture) -> Model:
    """Build the step from one frame and the states to the posterior and the next states, in dictionaries by name."""
    keras = backend.keras()
    frame = keras.Input((1, architecture.n_mfcc), batch_size=1, name="frame")
    states = {name: keras.Input((units,), batch_size=1, name=name) for name, units in architecture.states.items()}
    following: dict[str, Tensor] = {}

    def recurrent(architecture: Architecture, network: str, signal: Tensor) -> Tensor:
        for layer in _recurrent(architecture, network, "", return_sequences=True, return_state=True, unroll=True):
            names = [f"{layer.name}_{state}" for state in CELLS[architecture.cell].states]
            signal, *after = layer(signal, initial_state=[states[state] for state in names])
            following.update({f"next_{state}": value for state, value in zip(names, after, strict=True)})
        return signal

    posterior = _posterior(architecture, frame, recurrent)
    return keras.Model({"frame": frame, **states}, {"posterior": posterior, **following})


def transfer(source: Model, target: Model, stride: int = 1) -> None:
    """Copy weights from the layers and cells of `source` to those of the same name in `target`.

    Parameters
    ----------
    stride
        Of `target`, if `source` is the form for training.
    """
    weights = {part.name: part.get_weights() for part in _parts(source)}
    for part in _parts(target):
        if given := weights.get(part.name):
            part.set_weights(_holding(given, part.weights[0].shape[0], stride) if stride > 1 else given)


def _holding(weights: list[NDArray[Any]], inputs: int, stride: int) -> list[NDArray[Any]]:
    """Return the weights of a layer, given those of one for every `stride`-th frame, so that it holds between these.

    After the units of a GRU come units of 1 or -1, or 0 before the first frame: a ring of stride - 1, in which a 1
    moves on with every frame and stays out for one, and one that is always 1. Their sum, the last weighed stride - 1
    times, is 0 if the next frame is one to step at, and otherwise 2, which closes the update gates:

        stride 3   before   0       1       2       3       4       frame
        ring       0   0    1  -1   -1  1   -1 -1   1  -1   -1  1
        last       0        1       1       1       1       1
        sum        0        2       2       0       2       2

    Parameters
    ----------
    inputs
        Units of the layer before, with those that count; later layers do not see these.
    """
    more = inputs - len(weights[0]), stride, 0  # rows
    if len(weights) < 3:
        return [np.pad(weights[0], [(0, more[0]), (0, 0)]), *weights[1:]]
    units, last = len(weights[1]), len(weights[1]) + stride - 1
    kernel, recurrent, biases = (
        [np.pad(gate, [(0, rows), (0, stride)]) for gate in np.split(array, 3, axis=1)]  # update, reset, candidate
        for array, rows in zip(weights, more, strict=True)
    )
    weigh = np.append(np.ones(stride - 1), stride - 1)[:, None]
    recurrent[0][units:, :units] = CLOSED / 2 * weigh
    biases[0][0, units:], biases[1][0, units:] = -CLOSED, CLOSED  # those that count always step, and see each other
    recurrent[2][units:, units] = -SURE * weigh[:, 0]  # the ring begins again when the sum is 0
    biases[2][0, [units, last]] = SURE
    for unit in range(units + 1, last):
        recurrent[2][unit - 1, unit], biases[2][0, unit] = SURE, -SURE / 2
    return [np.concatenate(gates, axis=1) for gates in (kernel, recurrent, biases)]


def _parts(model: Model) -> Iterator[Any]:
    """Yield every layer, or the cells of a stack of them."""
    for layer in model.layers:
        yield from getattr(getattr(layer, "cell", None), "cells", [layer])


def _features(architecture: Architecture, **options: int) -> Tensor:
    return backend.keras().Input((None, architecture.n_mfcc), name="mfcc", **options)


def _normalised(architecture: Architecture, features: Tensor) -> Tensor:
    """Return the MFCCs that the network sees, with mean 0 and variance 1 over the training frames."""
    scale = np.diag(1 / np.sqrt(np.maximum(architecture.variance, MIN_VARIANCE)))[:, : architecture.cepstra]
    return _fixed("normalisation", features, scale, -np.array(architecture.mean) @ scale)


def _fixed(name: str, signal: Tensor, kernel: NDArray[Any], bias: ArrayLike) -> Tensor:
    """Return signal @ kernel + bias, neither of which is trained."""
    layer = backend.keras().layers.Dense(kernel.shape[1], trainable=False, name=name)
    signal = layer(signal)
    layer.set_weights([kernel, bias])
    return signal


def _in_layers(architecture: Architecture, network: str, signal: Tensor, **options: bool) -> Tensor:
    for layer in _recurrent(architecture, network, "", return_sequences=True, **options):
        signal = layer(signal)
    return signal


def _in_one_loop(architecture: Architecture, network: str, signal: Tensor) -> Tensor:
    cells = _recurrent(architecture, network, "Cell")
    return backend.keras().layers.RNN(cells, return_sequences=True, name=f"{network}_cells")(signal)


def _recurrent(architecture: Architecture, network: str, ending: str, **options: bool) -> list[Any]:
    """Return the recurrent layers, or their cells, with dropout between them."""
    kind = getattr(backend.keras().layers, CELLS[architecture.cell].keras + ending)
    return [
        kind(width, name=f"{network}_{architecture.cell}{index}", dropout=architecture.dropout * (index > 0), **options)
        for index, width in enumerate(architecture.widths)
    ]


def _answer(architecture: Architecture, number: int, signal: Tensor, recurrent: Recurrent) -> Tensor:
    layers, name = backend.keras().layers, f"network{number}"
    signal = layers.GaussianNoise(architecture.noise, name=f"{name}_noise")(signal)
    signal = layers.Dropout(architecture.dropout, name=f"{name}_dropout")(recurrent(architecture, name, signal))
    for index, units in enumerate(architecture.dense):
        signal = layers.Dense(units, activation="relu", name=f"{name}_dense{index}")(signal)
    outputs = len(architecture.members[number])
    return layers.Dense(outputs, activation="softmax", name=f"{name}_softmax")(signal)


def _posterior(architecture: Architecture, features: Tensor, recurrent: Recurrent) -> Tensor:
    signal = _normalised(architecture, features)
    answers = [_answer(architecture, number, signal, recurrent) for number in range(len(architecture.members))]
    if len(answers) == 1:
        return answers[0]
    spread = []
    for number, (answer, outputs) in enumerate(zip(answers, architecture.members, strict=True)):
        holds = membership(outputs, architecture.classes)
        # The second network leaves the classes that it does not separate to the first: a factor of one.
        absent = number * (1.0 - holds.any(axis=0))
        spread.append(_fixed(f"network{number}_classes", answer, holds, absent))
    return backend.keras().layers.Multiply(name="product")(spread)
