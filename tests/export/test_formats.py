"""The stream of every exported format answers, at every frame, as the network does on the whole sequence."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import backend, checksums
from pipeline.errors import ArtifactError
from pipeline.export import formats
from pipeline.streaming import runtimes
from pipeline.streaming.runtimes import RUNTIMES
from tests.export import small
from tests.export.small import Export


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_the_streams_of_one_network_equal_the_sequence_at_every_frame(exported: Export, runtime: runtimes.Name) -> None:
    features = np.random.default_rng(2).normal(0, 10, (60, small.N_MFCC)).astype(np.float32)
    wanted = small.trained(exported.folder)(features)
    shared = runtimes.load(exported.streaming, runtime, exported.description.states)
    one, other = shared.stream(), shared.stream()
    answers = np.array([(one.step(frame), other.step(-frame))[0] for frame in features])
    np.testing.assert_allclose(answers, wanted, atol=1e-6)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    one.reset_states()
    np.testing.assert_array_equal([one.step(frame) for frame in features], answers)


def test_latency_is_half_a_window_and_the_longest_wait_for_a_speech_flag() -> None:
    found = formats.latency(16000, small.MFCC, small.SILENCE)
    assert found == {"look_ahead": 0.0125, "silence": 0.37}  # 400 / 2 / 16000; 0.02 + 0.1 + 0.2 + 0.05


@pytest.mark.slow
def test_a_missing_network_and_a_keras_file_that_holds_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"sequence\.keras can't be read"):
        formats.load(tmp_path / "sequence.keras")
    keras = backend.keras()
    evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    evil.save(tmp_path / "evil.keras")
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match="can't be loaded"):
        formats.load(tmp_path / "evil.keras")
