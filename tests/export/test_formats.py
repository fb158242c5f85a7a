"""Every exported format answers as the network on whole sequences; golden audio proves it and names any damage."""

import math
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest

from pipeline import backend, checksums, params
from pipeline.errors import ArtifactError, ExportError
from pipeline.export import formats, golden, onnx_file
from pipeline.mfcc.kernel import make_kernel
from pipeline.network import forms
from pipeline.network.definition import Division
from pipeline.rows import EqualityRow
from pipeline.streaming import runtimes
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.runtimes import RUNTIMES
from tests.export import small
from tests.export.small import Export


@pytest.fixture(scope="session", params=["none", "remove", "label"])
def exported(request: pytest.FixtureRequest) -> Export:
    """An export of every kind of network."""
    return small.made(request.param)


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_the_streams_of_one_network_equal_the_sequence_at_every_frame(exported: Export, runtime: runtimes.Name) -> None:
    features = np.random.default_rng(2).normal(0, 10, (60, small.N_MFCC)).astype(np.float32)
    wanted = small.trained(exported.folder)(features)
    shared = runtimes.load(exported.streaming, runtime, exported.description.states)
    one, other = shared.stream(), shared.stream()
    pieces = [features[at : at + 1] for at in range(len(features))]
    answers = np.concatenate([(one.accept(piece), other.accept(-piece))[0] for piece in pieces])
    np.testing.assert_allclose(answers, wanted, atol=1e-6)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    one.reset_states()
    np.testing.assert_array_equal(np.concatenate([one.accept(piece) for piece in pieces]), answers)
    one.reset_states()
    blocks = np.concatenate([one.accept(features[:7]), one.accept(features[7:])])
    np.testing.assert_allclose(blocks, wanted, atol=1e-6)


def test_latency_is_half_a_window_and_the_longest_wait_for_a_speech_flag() -> None:
    found = formats.latency(16000, small.MFCC, small.SILENCE)
    assert found == {"look_ahead": 0.0125, "silence": 0.37}  # 400 / 2 / 16000; 0.02 + 0.1 + 0.2 + 0.05


@pytest.mark.slow
def test_a_missing_or_altered_network_and_a_keras_file_that_holds_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"sequence\.keras can't be read"):
        formats.load(tmp_path / "sequence.keras")
    keras = backend.keras()
    evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    evil.save(tmp_path / "evil.keras")
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match="can't be loaded"):
        formats.load(tmp_path / "evil.keras")
    with (tmp_path / "evil.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match=r"evil\.keras is not the file"):
        formats.load(tmp_path / "evil.keras")


CASES: list[tuple[params.Cell, Division | None, tuple[int, ...]]] = [
    ("gru", small.DIVISION, ()),
    ("lstm", small.DIVISION, (9,)),
    ("lstm", None, (9, 5)),
]


def test_every_cell_has_a_node() -> None:
    assert tuple(onnx_file.NODES) == get_args(params.Cell)


@pytest.mark.slow  # loads TensorFlow
@pytest.mark.parametrize(("cell", "division", "dense"), CASES)
def test_the_file_has_a_node_per_layer_and_answers_as_the_sequence_form(
    cell: params.Cell, division: Division | None, dense: tuple[int, ...], tmp_path: Path
) -> None:
    architecture = small.design("label", cell, (12, 7), dense, division)
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
    answers = [stream.accept(features[at : at + 7]) for at in range(0, len(features), 7)]
    np.testing.assert_allclose(np.concatenate(answers), np.asarray(trained(features[None]))[0], atol=1e-6)

    onnx_file.write(trained, architecture, tmp_path / "again.onnx")
    assert path.read_bytes() == (tmp_path / "again.onnx").read_bytes()


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_golden_audio_streams_to_the_answers_of_the_offline_stages(exported: Export, runtime: runtimes.Name) -> None:
    found = golden.replay(exported.streaming, runtime)
    assert found.flags == 0
    assert found.mfcc < 1e-3
    golden.check([found], 1e-5)


@pytest.mark.slow
def test_an_export_of_another_network_is_refused(tmp_path: Path) -> None:
    export, copy = small.made("mask"), tmp_path / "streaming"
    shutil.copytree(export.streaming, copy)
    kernel = make_kernel(small.MFCC, small.RATE_HZ)
    golden.record(copy, forms.sequence(export.architecture), kernel, export.description)  # other random weights
    checksums.seal(copy)
    with pytest.raises(ExportError, match=r"model\.tflite is off by .* in posterior, more than 1e-05"):
        golden.check([golden.replay(copy, "litert")], 1e-5)


@pytest.mark.parametrize(
    ("differences", "quantity"),
    [
        ((1.0, 0.0, 0.0), "flags, more than 0"),
        ((0.0, 0.1, 0.0), "mfcc, more than 0.001"),
        ((0.0, 0.0, 2e-5), "posterior, more than 1e-05"),
        ((0.0, 0.0, math.nan), "posterior"),
        ((math.inf, math.inf, math.inf), "flags"),
    ],
)
def test_every_difference_beyond_its_limit_is_refused(differences: tuple[float, ...], quantity: str) -> None:
    golden.check([EqualityRow("model.onnx", 0.0, 0.0, 1e-5)], 1e-5)
    with pytest.raises(ExportError, match=f"model.onnx is off by .* in {quantity}"):
        golden.check([EqualityRow("model.onnx", *differences)], 1e-5)


@pytest.mark.slow
def test_every_damage_of_a_copy_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small.made("mask").streaming, copy)
    files = [file for file in copy.rglob("*") if file.is_file()]
    assert len(files) > 9
    for file in files:
        content = file.read_bytes()
        for damaged in (bytes(byte ^ 1 for byte in content) + b"x", content[: len(content) // 2], None):
            file.write_bytes(damaged or b"")
            if not damaged:
                file.unlink()
            with pytest.raises(ArtifactError, match=rf"^{re.escape(str(copy))}/[^\n]*$"):
                golden.verify(copy)
            if file.name in ("streaming.json", "frontend.npz", "model.tflite"):
                with pytest.raises(ArtifactError, match=file.name):
                    Identifier.load(copy)
        file.write_bytes(content)
    checksums.check(copy, [file.relative_to(copy).as_posix() for file in files if file.name != checksums.SUMS])
