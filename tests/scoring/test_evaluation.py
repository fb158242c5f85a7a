"""The scores of recordings, streamed or offline only, and the recordings to show."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, tables
from pipeline.arrays import Posteriors
from pipeline.errors import ExportError
from pipeline.rows import FrameRow, SplitRow
from pipeline.scoring import evaluation, examples
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.examples import EACH, EXCERPT_S
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames
from tests.export import small
from tests.scoring.conftest import Case, hand_made


@pytest.fixture(scope="session", params=[1600, 480_000])
def scores(request: pytest.FixtureRequest, case: Case) -> list[RecordingScore]:
    network, identifier = case.network(), case.identifier()
    with pytest.MonkeyPatch.context() as patch:  # blocks of any length
        patch.setattr(evaluation, "BLOCK_SAMPLES", request.param)
        return [evaluation.score(row, case.wavs[row.recording], network, identifier) for row in case.rows]


def test_a_recording_scores_the_same_offline_as_streamed(case: Case, scores: list[RecordingScore]) -> None:
    network = case.network()
    for row, streamed in zip(case.rows, scores, strict=True):
        offline = evaluation.score_offline(row, network)
        for name in ("predicted", "right", "weight", "stable_frame", "sequences_right"):
            assert getattr(offline, name) == getattr(streamed, name)
        assert offline.after.keys() == streamed.after.keys()
        np.testing.assert_allclose(offline.decision.posteriors, streamed.decision.posteriors, atol=1e-4)
        speech = case.store.flags(row.recording)
        assert offline.weight == (len(speech) if case.description.silence.strategy == "label" else speech.sum())
        assert 0 <= offline.right <= offline.weight


@pytest.mark.parametrize(("strategy", "right"), [("label", (6, 7)), ("mask", (3, 4))])
def test_frames_are_right_if_their_class_has_the_highest_posterior(
    strategy: params.SilenceStrategy, right: tuple[int, int]
) -> None:
    description = small.described(strategy)
    scored = hand_made(description, "hindi", 0, 1, 1, 1, n_silent=3)
    assert (scored.right, scored.weight) == right
    assert scored.predicted == "hindi"
    assert scored.stable_frame == 2  # after frame 1 it is a tie, which the first language wins
    assert hand_made(description, "hindi", n_silent=4).predicted == "undecided"
    assert hand_made(description, "hindi", n_silent=4).stable_frame is None


@given(data=st.data(), n_frames=st.integers(0, 40))
def test_the_running_decision_is_the_same_in_pieces_of_any_length(
    description: Description, data: st.DataObject, n_frames: int
) -> None:
    """Seconds are frames here: 1, 3, 10 and 30 frames are marks, and 3 make a sequence."""
    slow = description.model_copy(update={"sample_rate": description.mfcc.hop_length})
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    posteriors: Posteriors = rng.dirichlet(np.ones(len(slow.classes)), n_frames).astype(np.float32)
    speech = rng.random(n_frames) < 0.7
    parts = np.split(np.arange(n_frames), sorted(data.draw(st.lists(st.integers(0, n_frames)))))
    pieces = [Frames(int(part[0]) if len(part) else 0, speech[part], posteriors[part]) for part in parts]
    found = evaluation.score_frames(SplitRow("r", "english", "ann", "r", 1.0), pieces, slow)

    logs = np.log(posteriors[speech][:, : len(slow.languages)], dtype=np.float64)
    running = np.cumsum(logs, axis=0)
    right = running.argmax(axis=1) == 0
    assert found.decision.changes == np.count_nonzero(np.diff(running.argmax(axis=1)))
    assert list(found.after) == [mark for mark in evaluation.MARKS_S if mark <= len(logs)]
    for mark, after in found.after.items():
        mean = np.exp(running[mark - 1] / mark)
        np.testing.assert_allclose(after, mean / mean.sum(), rtol=1e-6)
    sequences = [logs[at : at + 3].sum(axis=0).argmax() == 0 for at in range(0, len(logs), 3)]
    assert (found.sequences, found.sequences_right) == (len(sequences), sum(sequences))
    stable = [int(frame) for at, frame in enumerate(np.flatnonzero(speech)) if right[at:].all()]
    assert found.stable_frame == (stable[0] if stable else None)


@pytest.mark.parametrize(
    ("posterior", "flag", "length", "n_frames", "how"),
    [
        (2e-3, False, None, 188, r"a posterior is off by 0\.002, more than 10 times export\.tolerance 0\.0001"),
        (np.nan, False, None, 188, "a posterior is off by nan"),
        (0, True, None, 188, "other speech flags"),
        (0, False, -1, 188, "other speech flags"),
        (0, False, None, 189, "188 frames instead of 189"),
        (2e-4, False, None, 188, ""),
    ],
)
def test_a_stream_that_differs_from_the_offline_stages_is_refused_by_the_path_of_the_recording(
    case: Case, posterior: float, flag: bool, length: int | None, n_frames: int, how: str
) -> None:
    network = case.network()

    def changed(start: int, stop: int) -> Frames:
        frames = network.frames("r0", start, stop)
        speech, posteriors = frames.speech.copy(), frames.posteriors.copy()
        posteriors[np.flatnonzero(speech)[-1:], 0] += posterior
        speech[-1:] ^= flag
        return Frames(frames.first, speech[:length], posteriors[:length])

    differences: list[float] = []
    frames = evaluation.equal_frames(case.identifier(), case.wavs["r0"], n_frames, changed, differences)
    if not how:
        assert list(frames)
        assert max(differences) == pytest.approx(posterior, abs=1e-5)
        return
    with pytest.raises(ExportError, match=rf"the stream of corpus/r0\.flac differs from the offline stages \({how}"):
        list(frames)


def test_streams_are_counted_and_a_small_difference_is_a_finding(description: Description) -> None:
    scores = [hand_made(description, "english", 0) for _ in range(3)]
    assert evaluation.proven(scores, 1e-4) == []
    scores[1].difference = 4e-6
    [sentence] = evaluation.proven(scores, 1e-4)
    assert sentence == "1 of 3 recordings streamed: equal to the offline stages at every frame, within 4e-06"
    scores[2].difference = 2e-4
    [sentence] = evaluation.proven(scores, 1e-4)
    assert sentence.startswith(
        "2 of 3 recordings streamed: 1 differ from the offline stages by more than export.tolerance 0.0001, by 0.0002"
    )


def test_languages_take_turns_among_typical_right_and_confident_wrong_answers(description: Description) -> None:
    first, second, *_ = description.languages
    scores = [hand_made(description, first, *[0] * n) for n in (1, 2, 3, 9)]
    scores += [hand_made(description, *one) for one in ((second, 1), (first, 1), (second, 0, 0))]
    chosen = examples.choose(scores)
    by_why = {why: [scored for given, scored in chosen if given == why] for why, _ in chosen}
    assert [scored.row.language for scored in by_why["right"]].count(second) == 1
    assert [scored.row.language for scored in by_why["wrong"]] == [first, second]
    assert len({id(scored) for _, scored in chosen}) == len(chosen)
    assert [len(by_why[why]) for why in ("right", "wrong", "silent")] == [EACH, 2, 1]
    scores = [hand_made(description, first, *[0] * n) for n in (9, 8, 7, 2, 6, 5)]
    assert examples.choose(scores)[-1] == ("silent", scores[3])  # the least speech
    assert examples.choose([]) == []


def test_the_frames_written_are_those_of_the_network(case: Case, tmp_path: Path) -> None:
    network = case.network()
    chosen = [("right", evaluation.score_offline(row, network)) for row in case.rows[:3]]
    rows = examples.write(tmp_path, chosen, network)  # type: ignore[arg-type]
    frames = tables.read(tmp_path / "frames.csv", FrameRow, sealed=False)
    assert list(frames[0].extra) == list(case.description.classes)
    for shown, row in zip(rows, case.rows, strict=False):
        wanted = network.frames(row.recording, 0, network.n_frames(row.recording))
        mine = [frame for frame in frames if frame.recording == row.recording]
        assert [(frame.frame, frame.speech) for frame in mine] == list(enumerate(wanted.speech))
        found = np.array([[float(cell or "nan") for cell in frame.extra.values()] for frame in mine])
        np.testing.assert_allclose(found, wanted.posteriors, atol=1e-6)
        assert shown.recording == row.recording
        assert shown.end_s <= EXCERPT_S
