"""The network on stored features answers like the trained one on the whole recording; drift is measured by minute."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.scoring import offline
from pipeline.scoring.offline import OfflineNetwork
from pipeline.store.items import Example
from pipeline.streaming import reference
from tests.export import small
from tests.scoring.conftest import Case


@pytest.mark.parametrize("block_frames", [1, 7, 3000])
def test_blocks_of_any_length_answer_like_the_trained_network_on_the_whole(
    case: Case, monkeypatch: pytest.MonkeyPatch, block_frames: int
) -> None:
    monkeypatch.setattr(offline, "BLOCK_FRAMES", block_frames)
    network, predict = case.network(), small.trained(case.folder)
    for recording in ("r0", "r1"):  # states are reset between recordings
        blocks = list(network.blocks(recording))
        assert [block.first for block in blocks] == list(range(0, network.n_frames(recording), block_frames))
        speech, features = case.store.flags(recording), case.store.features(recording)
        np.testing.assert_array_equal(np.concatenate([block.speech for block in blocks]), speech)
        wanted = reference.posteriors(features, speech, case.description, predict)
        answers = np.concatenate([block.posteriors for block in blocks])
        np.testing.assert_allclose(answers, wanted, atol=1e-5)


class Wearing:
    """A network that answers 0 for five minutes of frames, then 1."""

    def __init__(self) -> None:
        self.steps = 99999

    def step(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        self.steps += 1
        return np.array([0, 1] if self.steps > 300 else [1, 0], np.float32)

    def reset_states(self) -> None:
        self.steps = 0


def test_accuracy_is_measured_minute_by_minute_from_a_fresh_state() -> None:
    network: Any = Wearing()
    recording = Example(
        np.zeros((7, 3), np.float32), np.zeros(7, np.int64), np.array([1, 0, 1, 1, 1, 1, 1], np.float32)
    )
    assert offline.accuracy_by_minute(network, lambda: [recording, recording], frame_s=1.0) == [1.0] * 5 + [0.0] * 5


def test_a_language_without_frames_does_not_loop_forever() -> None:
    network: Any = Wearing()
    empty = Example(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert offline.accuracy_by_minute(network, lambda: [empty], frame_s=1.0) == [0.0] * 10


class English:
    """A network that always answers English."""

    def step(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array([1, 0, 0], np.float32)

    def reset_states(self) -> None:
        pass


def test_drift_is_measured_separately_for_every_language(case: Case) -> None:
    network: Any = English()
    drift = OfflineNetwork(case.store, network, case.description).drift(case.rows)
    assert list(drift) == list(small.LANGUAGES)
    english, hindi, mandarin = (np.array(minutes) for minutes in drift.values())
    assert hindi.tolist() == mandarin.tolist() == [0.0] * 10
    recordings = [row.recording for row in case.rows if row.language == "english"]
    share = np.concatenate([case.store.flags(recording) for recording in recordings]).mean()
    if case.description.silence.strategy == "label":  # silent frames are of another class
        np.testing.assert_allclose(english, share, atol=0.02)
    else:
        assert english.tolist() == [1.0] * 10
