"""The offline chain in one place gives the same results as the stages trim, features and balance."""

import numpy as np
import pytest

from pipeline import params
from pipeline.arrays import Features, Posteriors
from pipeline.audio.samples import in_memory
from pipeline.mfcc import recording
from pipeline.mfcc.kernel import frame_count, make_kernel
from pipeline.silence.recording import detect
from pipeline.silence.spans import frame_flags
from pipeline.streaming import reference
from tests.audio.signals import babble
from tests.export import small

KERNEL = make_kernel(small.MFCC, small.RATE_HZ)


def first_coefficients(features: Features) -> Posteriors:
    """Stands in for a network: its answers show which frames it was given."""
    return features[:, : len(small.LANGUAGES)]


@pytest.mark.parametrize("n_samples", [0, 1, 160, 30_000])
def test_flags_and_features_are_those_of_the_stages(n_samples: int) -> None:
    samples, description = babble(1, n_samples), small.described("mask")
    found = reference.compute(samples, KERNEL, description, first_coefficients)
    n_frames = frame_count(n_samples, 160)
    spans = detect(in_memory(samples), n_samples, small.RATE_HZ, description.silence)
    np.testing.assert_array_equal(found.speech, frame_flags(spans, n_samples, 160, 0, n_frames))
    halves = [(0, n_frames // 2), (n_frames // 2, n_frames - n_frames // 2)]
    parts = [recording.compute(KERNEL, in_memory(samples), n_samples, first, count) for first, count in halves]
    np.testing.assert_allclose(found.features, np.concatenate(parts), atol=1e-3)


@pytest.mark.parametrize("strategy", small.STRATEGIES)
def test_the_network_is_given_the_frames_that_it_sees_and_no_others(strategy: params.SilenceStrategy) -> None:
    description = small.described(strategy).model_copy(update={"classes": small.LANGUAGES})
    found = reference.compute(babble(2, 40_000), KERNEL, description, first_coefficients)
    assert 0 < found.speech.sum() < len(found.speech)
    seen = found.speech if strategy == "remove" else np.ones(len(found.speech), np.bool_)
    np.testing.assert_array_equal(found.posteriors[seen], found.features[seen, :3])
    assert np.isnan(found.posteriors[~seen]).all()
    if strategy == "remove":  # the network is not asked if it sees no frame
        silent = reference.compute(np.zeros(8000, np.int16), KERNEL, description, lambda _: pytest.fail("asked"))
        assert silent.posteriors.shape == (51, 3)
        assert np.isnan(silent.posteriors).all()
