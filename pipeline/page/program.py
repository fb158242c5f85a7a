"""model.onnx as a program of the page's engine: its nodes in order, and their weights.

Nodes that only add or remove an axis of length 1 are left out: the engine's signals are those of one frame.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.errors import ArtifactError
from pipeline.streaming.description import EXPORT_REMEDY
from pipeline.streaming.runtimes import RUNTIMES

RESHAPES = {"Squeeze", "Unsqueeze"}
NODES: dict[str, dict[str, Any]] = {
    "Gemm": {},
    "Relu": {},
    "Mul": {},
    "Softmax": {"axis": 1},
    "GRU": {"linear_before_reset": 1},
    "LSTM": {},
}
"""The nodes that engine.js knows, and their options; those with states may have any number of units, `hidden_size`."""


class Program(NamedTuple):
    """The computation of one frame.

    Attributes
    ----------
    steps
        One per node: `op`, its input and output signals (`from`, `to`), the names of its `arrays`, and `units`.
    arrays
        Weights by name.
    """

    steps: Sequence[dict[str, Any]]
    arrays: dict[str, NDArray[np.float32]]


def read(folder: Path) -> Program:
    """Read model.onnx in a folder that export wrote.

    Raises
    ------
    ArtifactError
        If it is missing or altered, or has a node that the engine does not know.
    """
    import onnx

    path = folder / RUNTIMES["onnx"].file
    model = onnx.load_model_from_string(checksums.read(path, EXPORT_REMEDY))
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    states = {one.name for one in model.graph.input} - {"frame"}  # the engine's layers keep their own
    same: dict[str, str] = {}  # signals that a reshape only renames
    steps = list[dict[str, Any]]()
    for node in model.graph.node:
        inputs = [same.get(name, name) for name in node.input if name]
        if node.op_type in RESHAPES:
            same |= dict.fromkeys(node.output, inputs[0])
            continue
        options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        units = options.pop("hidden_size", None)
        if NODES.get(node.op_type) != options:
            found = f"{node.op_type} with {options}" if options else node.op_type
            raise ArtifactError(
                f"{path} has a node that the page does not know ({found}): export it again and "
                "write the page with one version of this package"
            )
        signals = [name for name in inputs if name not in arrays.keys() | states]
        given = [name for name in inputs if name in arrays]
        steps.append({"op": node.op_type, "from": signals, "to": node.output[0], "arrays": given, "units": units})
    steps[-1]["to"] = "posterior"
    return Program(steps, {name: arrays[name] for step in steps for name in step["arrays"]})
