"""The network on stored features answers like the trained one on the whole recording; drift is measured by minute."""

import numpy as np
import pytest

from pipeline.arrays import Features, Posteriors
from pipeline.scoring import offline
from pipeline.scoring.offline import OfflineNetwork
from pipeline.streaming import reference
from pipeline.streaming.runtimes import States, Stream
from tests.export import small
from tests.scoring.conftest import Case


@pytest.mark.parametrize("block_frames", [7, 3000])
def test_blocks_of_any_length_answer_like_the_trained_network_on_the_whole(
    case: Case, monkeypatch: pytest.MonkeyPatch, block_frames: int
) -> None:
    monkeypatch.setattr(offline, "BLOCK_FRAMES", block_frames)
    network, predict = case.network(), small.trained(case.export.folder)
    for recording in ("r0", "r1"):  # states are reset between recordings
        blocks = list(network.blocks(recording))
        assert [block.first for block in blocks] == list(range(0, network.n_frames(recording), block_frames))
        speech, features = case.store.flags(recording), case.store.features(recording)
        np.testing.assert_array_equal(np.concatenate([block.speech for block in blocks]), speech)
        wanted = reference.posteriors(features, speech, case.description, predict)
        answers = np.concatenate([block.posteriors for block in blocks])
        np.testing.assert_allclose(answers, wanted, atol=1e-5)


def test_accuracy_is_measured_minute_by_minute_from_a_fresh_state() -> None:
    def wear(frames: Features, states: States) -> tuple[Posteriors, States]:
        """Answer 0 for five minutes of frames, then 1."""
        numbers = states[0] + np.arange(len(frames))
        return np.stack([numbers < 300, numbers >= 300], axis=1).astype(np.float32), [states[0] + len(frames)]

    network = Stream(wear, [0])
    network.accept(np.zeros((999, 3), np.float32))
    blocks = [
        (np.zeros((len(weights), 3), np.float32), np.zeros(len(weights), np.int64), np.array(weights, np.float32))
        for weights in ([1, 0, 1], [1], [1] * 7)
    ]
    assert offline.accuracy_by_minute(network, blocks, frame_s=1.0) == [1.0] * 5 + [0.0] * 5
    assert offline.accuracy_by_minute(network, [], frame_s=1.0) == [0.0] * 10  # a language without frames


def test_drift_is_measured_separately_for_every_language(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "MINUTE_S", 6)
    network = Stream(lambda frames, _: (np.eye(3, dtype=np.float32)[np.zeros(len(frames), int)], ()), ())
    english, *others = OfflineNetwork(case.store, network, case.description).drift(case.rows, small.LANGUAGES).values()
    assert others == [[0.0] * 10] * (len(small.LANGUAGES) - 1)
    recordings = [row.recording for row in case.rows if row.language == "english"]
    share = np.concatenate([case.store.flags(recording) for recording in recordings]).mean()
    labelled = case.description.silence.strategy == "label"  # silent frames are of another class
    assert np.mean(english) == pytest.approx(share if labelled else 1, abs=0.02)
