"""The forms of a network share their weights and give the same posteriors."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import backend, params
from pipeline.network import forms
from pipeline.network.definition import Architecture, Division, make_architecture
from tests.export.small import DIVISION, LANGUAGES, N_MFCC

CLASSES = (*LANGUAGES, "silence")

pytestmark = pytest.mark.slow  # loads TensorFlow


def make(cell: params.Cell, division: Division | None) -> Architecture:
    model = params.Model(cell=cell, units=(12, 7), dense=(9,))
    rng = np.random.default_rng(0)
    return make_architecture(model, CLASSES, division, rng.normal(size=N_MFCC), rng.uniform(1, 100, N_MFCC))


def features(frames: int = 60) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, 10, (1, frames, N_MFCC)).astype(np.float32)


def test_the_stateful_form_answers_pieces_of_any_length_as_the_sequence_form() -> None:
    sequence, stateful = (make_form(make("lstm", DIVISION)) for make_form in (forms.sequence, forms.stateful))
    forms.transfer(sequence, stateful)
    pieces = [np.asarray(stateful(features()[:, rows]))[0] for rows in (slice(0, 1), slice(1, 40), slice(40, 60))]
    np.testing.assert_allclose(np.concatenate(pieces), np.asarray(sequence(features()))[0], atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_a_step_is_taken_at_every_frame_of_the_stride_and_its_answer_holds_between(stride: int) -> None:
    architecture = dataclasses.replace(make("gru", None), stride=stride)
    trained, whole = forms.network(architecture, 0), forms.sequence(architecture)
    rng = np.random.default_rng(stride)
    for weights in trained.trainable_variables:
        weights.assign(rng.normal(0, 0.5, weights.shape))
    forms.transfer(trained, whole, stride)
    signal = features(60 * stride + 1)
    answers = np.repeat(np.asarray(trained(signal[:, ::stride])), stride, axis=1)[:, : signal.shape[1]]
    np.testing.assert_allclose(np.asarray(whole(signal)), answers, atol=1e-5)
    assert make("lstm", None).stride == 1  # its output can't be held


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_product_of_an_ensemble_is_a_posterior_of_the_classes(
    cell: params.Cell, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "has_gpu", lambda: gpu)  # the layers that a GPU would get run here as well
    architecture = make(cell, DIVISION)
    whole = forms.sequence(architecture)
    networks = [forms.network(architecture, number) for number in (0, 1)]
    for network in networks:
        forms.transfer(network, whole, architecture.stride)
    first, second = (np.asarray(network(features()[:, :: architecture.stride]))[0] for network in networks)
    wanted = np.stack(
        [first[:, 0] + first[:, 1], first[:, 2] * second[:, 0], first[:, 2] * second[:, 1], first[:, 3]], axis=1
    )
    np.testing.assert_allclose(np.asarray(whole(features()))[0, :: architecture.stride], wanted, atol=1e-6)
    np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-5)


def front_end(architecture: Architecture, signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the MFCCs as the recurrent layers get them."""
    sequence = forms.sequence(architecture)
    before = sequence.get_layer("normalisation").output
    given: NDArray[np.float32] = np.asarray(backend.keras().Model(sequence.input, before)(signal))[0]
    return given


def test_a_constant_coefficient_is_finite_and_cepstra_beyond_those_seen_are_cut_off() -> None:
    constant = make_architecture(params.Model(units=(4,)), CLASSES, None, np.zeros(N_MFCC), np.zeros(N_MFCC))
    assert np.isfinite(front_end(constant, np.zeros((1, 5, N_MFCC), np.float32))).all()
    architecture, signal = dataclasses.replace(make("gru", None), cepstra=5), features()
    wanted = (signal[0] - architecture.mean) / np.sqrt(architecture.variance)
    np.testing.assert_allclose(front_end(architecture, signal), wanted[:, :5], atol=1e-5)
