"""model.onnx: the step form as a graph of ONNX, with one GRU or LSTM node per recurrent layer.

Unlike the other formats, it takes any number of frames at a time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline import files
from pipeline.backend import Model
from pipeline.network.definition import CELLS, Architecture
from pipeline.params import Cell

OPSET, IR = 15, 8  # of 2021: every node below has its present form, and older runtimes can read the file
AXES = {"first": [0], "second": [1], "middle": [1, 2]}
"""Constants: signals have the shape (frames, n), and everything else further axes of length 1."""

Shapes = Mapping[str, Sequence[int | str]]

NODES: dict[Cell, tuple[tuple[int, ...], dict[str, Any]]] = {
    "gru": ((0, 1, 2), {"linear_before_reset": 1}),  # update, reset, candidate; as Keras's reset_after
    "lstm": ((0, 3, 1, 2), {}),  # input, output, forget, candidate
}
"""The node of each cell: the places that its gates have in Keras, and its options."""


def write(trained: Model, architecture: Architecture, path: Path) -> None:
    """Write a network as `network.forms.step` defines it, with the same names and shapes, but for any number of frames.

    Parameters
    ----------
    trained
        The network on whole sequences.
    """
    import onnx
    from onnx import helper

    graph = _Graph(trained)
    graph.posterior(architecture)
    states: Shapes = {name: [1, units] for name, units in architecture.states.items()}
    inputs: Shapes = {"frame": [1, "frames", architecture.n_mfcc], **states}
    following = {f"next_{name}": size for name, size in states.items()}
    outputs: Shapes = {"posterior": [1, "frames", len(architecture.classes)], **following}
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "step", _values(inputs), _values(outputs), constants),
        producer_name="lid-pipeline",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
    onnx.checker.check_model(model, full_check=True)
    files.replace(path, model.SerializeToString(deterministic=True))


def _values(sizes: Shapes) -> list[Any]:
    from onnx import TensorProto, helper

    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()]


class _Graph:
    """Nodes in the order of the signal, and their constants by name. A signal is the name of a tensor."""

    def __init__(self, trained: Model) -> None:
        self._trained = trained
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {name: np.array(axes, np.int64) for name, axes in AXES.items()}

    def posterior(self, architecture: Architecture) -> None:
        """Add every node, from the frame to the posterior."""
        signal = self._dense("normalisation", self._add("Squeeze", "frame", "first"))
        answers = [self._answer(architecture, number, signal) for number in range(len(architecture.members))]
        if len(answers) > 1:
            answers = [self._dense(f"network{number}_classes", answer) for number, answer in enumerate(answers)]
            answers = [self._add("Mul", *answers)]
        self._add("Unsqueeze", answers[0], "first", to="posterior")

    def _answer(self, architecture: Architecture, number: int, signal: str) -> str:
        name = f"network{number}"
        for index in range(len(architecture.units)):
            signal = self._recurrent(architecture.cell, f"{name}_{architecture.cell}{index}", signal)
        for index in range(len(architecture.dense)):
            signal = self._add("Relu", self._dense(f"{name}_dense{index}", signal))
        return self._add("Softmax", self._dense(f"{name}_softmax", signal), axis=1)

    def _dense(self, layer: str, signal: str) -> str:
        weights, biases = self._trained.get_layer(layer).get_weights()
        return self._add("Gemm", signal, self._constant(f"{layer}_w", weights), self._constant(f"{layer}_b", biases))

    def _recurrent(self, cell: Cell, layer: str, signal: str) -> str:
        order, options = NODES[cell]

        def gates(values: NDArray[np.float32]) -> NDArray[np.float32]:
            """Reorder from (n, gates · units) to (1, gates · units, n); the first axis is for directions."""
            parts = np.split(values, len(order), axis=1)
            return np.concatenate([parts[gate] for gate in order], axis=1).T[None]

        kernel, recurrent, biases = self._trained.get_layer(layer).get_weights()
        biases = np.atleast_2d(biases)  # of the input, and with a GRU of the state
        pairs = np.concatenate([biases, np.zeros_like(biases)])[:2]
        constants = {"w": gates(kernel), "r": gates(recurrent), "b": gates(pairs).transpose(0, 2, 1).reshape(1, -1)}
        states = [f"{layer}_{state}" for state in CELLS[cell].states]
        after = [f"{state}_after" for state in states]
        inputs = [self._add("Unsqueeze", signal, "second")]
        inputs += [self._constant(f"{layer}_{name}", value) for name, value in constants.items()]
        inputs += ["", *(self._add("Unsqueeze", state, "first") for state in states)]  # "": no lengths
        answer = f"{layer}_all"
        self._add(cell.upper(), *inputs, to=[answer, *after], hidden_size=len(recurrent), **options)
        for state, name in zip(states, after, strict=True):
            self._add("Squeeze", name, "first", to=f"next_{state}")
        return self._add("Squeeze", answer, "middle")

    def _constant(self, name: str, value: ArrayLike) -> str:
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def _add(self, kind: str, *inputs: str, to: str | Sequence[str] = "", **options: Any) -> str:
        from onnx import helper

        outputs = [to or f"signal{len(self.nodes)}"] if isinstance(to, str) else list(to)
        self.nodes.append(helper.make_node(kind, inputs, outputs, **options))
        return outputs[0]
