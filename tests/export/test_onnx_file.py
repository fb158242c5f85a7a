"""model.onnx is the step form in nodes of ONNX's own, for every cell and every option of an architecture."""

from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest

from pipeline import checksums, params
from pipeline.export import onnx_file
from pipeline.network.definition import Division
from pipeline.streaming import runtimes
from tests.export import small

CASES: list[tuple[params.Cell, params.Cmvn, int, Division | None, tuple[int, ...]]] = [
    ("gru", "mean", 0, small.DIVISION, ()),
    ("lstm", "none", 3, small.DIVISION, (9,)),
    ("gru", "mean_variance", 3, None, (9, 5)),
]


def test_every_cell_has_a_node() -> None:
    assert tuple(onnx_file.NODES) == get_args(params.Cell)


@pytest.mark.slow  # loads TensorFlow
@pytest.mark.parametrize(("cell", "cmvn", "deltas", "division", "dense"), CASES)
def test_the_file_has_a_node_per_layer_and_answers_as_the_sequence_form(
    cell: params.Cell, cmvn: params.Cmvn, deltas: int, division: Division | None, dense: tuple[int, ...], tmp_path: Path
) -> None:
    architecture = small.design("label", cell, (12, 7), dense, division, cmvn, deltas)
    trained, path = small.network(architecture), tmp_path / "model.onnx"
    onnx_file.write(trained, architecture, path)
    graph = onnx.load(path).graph
    kinds = Counter(node.op_type for node in graph.node)
    assert {kind: kinds.get(kind, 0) for kind in ("GRU", "LSTM")} == {
        kind: kind.lower() == cell and 2 * len(architecture.members) for kind in ("GRU", "LSTM")
    }
    assert [value.name for value in graph.input] == ["frame", *architecture.states]

    features = np.random.default_rng(2).normal(0, 20, (60, small.N_MFCC)).astype(np.float32)
    checksums.seal(tmp_path)
    stream = runtimes.load(tmp_path, "onnx", architecture.states)
    answers = [stream.step(frame) for frame in features]
    np.testing.assert_allclose(answers, np.asarray(trained(features[None]))[0], atol=1e-6)

    onnx_file.write(trained, architecture, tmp_path / "again.onnx")
    assert path.read_bytes() == (tmp_path / "again.onnx").read_bytes()
