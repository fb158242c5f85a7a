"""The stream of every exported format answers, at every frame, as the network does on the whole sequence."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import backend, checksums, mfcc, params
from pipeline.errors import ArtifactError, ExportError
from pipeline.export import formats, golden
from pipeline.mfcc import Features
from pipeline.network import forms
from pipeline.network.definition import Architecture, make_architecture
from pipeline.network.ensemble import Ensemble
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description

LANGUAGES = ("english", "hindi", "mandarin")
N_MFCC = 13
FEW = params.Mfcc(n_mfcc=N_MFCC, n_fft=400, hop_length=160, n_mels=20, fmin=0.0, fmax=None, top_db=None)
KINDS = {
    "gru": ("gru", LANGUAGES, None),
    "lstm": ("lstm", LANGUAGES, None),
    "ensemble of gru with silence": (
        "gru",
        (*LANGUAGES, "silence"),
        Ensemble("english", (("a", "b"), ("c",)), ("hindi", "mandarin")),
    ),
}


def design(kind: str) -> Architecture:
    cell, classes, division = KINDS[kind]
    model = params.Model(cell=cell, units=(12, 7), dense=(9,), dropout=0.2, noise=0.1)
    rng = np.random.default_rng(0)
    return make_architecture(model, classes, division, rng.normal(size=N_MFCC), rng.uniform(1, 100, N_MFCC))


@pytest.fixture(scope="module", params=list(KINDS))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, defaults: params.Params
) -> tuple[Any, Architecture, Path, Description]:
    """A network with random weights, saved, loaded in safe mode, and exported."""
    folder = tmp_path_factory.mktemp("streaming")
    architecture = design(request.param)
    backend.keras().utils.set_random_seed(1)
    forms.sequence(architecture).save(folder / "sequence.keras")
    trained = formats.load(folder / "sequence.keras")
    formats.export(
        trained,
        architecture,
        folder,
        languages=LANGUAGES,
        sample_rate=16000,
        mfcc=FEW,
        silence=defaults.silence,
        tolerance=1e-5,
        streams=True,
    )
    return trained, architecture, folder, Description.read(folder)


def mfccs(frames: int = 60) -> Features:
    return np.random.default_rng(2).normal(0, 10, (frames, N_MFCC)).astype(np.float32)


@pytest.mark.parametrize("runtime", list(runtimes.FILES))
def test_the_stream_equals_the_sequence_at_every_frame(exported: Any, runtime: runtimes.Name) -> None:
    trained, _, folder, description = exported
    features = mfccs()
    wanted = np.asarray(trained(features[None]))[0]
    stream = runtimes.load(folder, runtime, description.states).stream()
    for _ in range(2):  # the second time after a reset
        answers = np.array([stream.step(frame) for frame in features])
        np.testing.assert_allclose(answers, wanted, atol=1e-6)
        stream.reset_states()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("runtime", list(runtimes.FILES))
def test_streams_of_one_network_are_independent(exported: Any, runtime: runtimes.Name) -> None:
    _, _, folder, description = exported
    shared = runtimes.load(folder, runtime, description.states)
    one, other = shared.stream(), shared.stream()
    alone = [one.step(frame) for frame in mfccs(5)]
    one.reset_states()
    between = []
    for frame in mfccs(5):
        between.append(one.step(frame))
        other.step(-frame)
    np.testing.assert_array_equal(alone, between)


@pytest.mark.parametrize("runtime", list(runtimes.FILES))
def test_golden_audio_streams_to_what_the_offline_stages_made_of_it(exported: Any, runtime: runtimes.Name) -> None:
    worst = golden.replay(exported[2], runtime)
    assert worst["flags"] == 0
    assert worst["mfcc"] < 1e-3
    assert worst["posterior"] < 1e-5
    golden.check({runtime: worst}, 1e-5)


def test_an_export_of_another_network_is_refused(exported: Any, tmp_path: Path) -> None:
    _, architecture, folder, description = exported
    copy = tmp_path / "streaming"
    shutil.copytree(folder, copy)
    kernel = mfcc.make_kernel(FEW, 16000)
    golden.record(copy, forms.sequence(architecture), kernel, description)  # other random weights
    checksums.seal(copy)
    worst = golden.replay(copy, "litert")
    with pytest.raises(ExportError, match=r"model\.tflite is off by .* in posterior, more than 1e-05"):
        golden.check({"litert": worst}, 1e-5)
    with pytest.raises(ExportError, match="in flags, more than 0"):
        golden.check({"onnx": {"flags": 1.0, "mfcc": 0.0, "posterior": 0.0}}, 1e-5)
    with pytest.raises(ExportError, match="in posterior"):
        golden.check({"onnx": {"flags": 0.0, "mfcc": 0.0, "posterior": float("nan")}}, 1e-5)


def test_the_description_round_trips_and_refuses_another_schema(exported: Any, tmp_path: Path) -> None:
    _, architecture, folder, description = exported
    assert Description.read(folder) == description
    architecture.write(tmp_path / "architecture.json")
    assert Architecture.read(tmp_path / "architecture.json") == architecture
    text = (folder / "streaming.json").read_text().replace('"schema_version": 2', '"schema_version": 7')
    (tmp_path / "streaming.json").write_text(text)
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match="schema_version is 7 but should be 2"):
        Description.read(tmp_path)


def test_the_product_of_an_ensemble_is_a_posterior_of_the_classes() -> None:
    architecture = design("ensemble of gru with silence")
    assert architecture.members == (
        (("english",), ("english",), ("hindi", "mandarin"), ("silence",)),
        (("hindi",), ("mandarin",)),
    )
    whole = forms.sequence(architecture)
    members = [forms.member(architecture, number) for number in (0, 1)]
    for model in members:
        forms.transfer(model, whole)
    features = mfccs()[None]
    (first, second), product = [np.asarray(model(features))[0] for model in members], np.asarray(whole(features))[0]
    wanted = np.stack(
        [first[:, 0] + first[:, 1], first[:, 2] * second[:, 0], first[:, 2] * second[:, 1], first[:, 3]], axis=1
    )
    np.testing.assert_allclose(product, wanted, atol=1e-6)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=r"model\.tflite is missing"):
        runtimes.load(tmp_path, "litert", {})
    with pytest.raises(ArtifactError, match=r"sequence\.keras can't be read"):
        formats.load(tmp_path / "sequence.keras")


def test_a_keras_file_that_holds_code_is_refused(tmp_path: Path) -> None:
    keras = backend.keras()
    evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    evil.save(tmp_path / "evil.keras")
    with pytest.raises(ArtifactError, match="can't be loaded"):
        formats.load(tmp_path / "evil.keras")
