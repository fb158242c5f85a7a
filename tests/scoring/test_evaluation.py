"""The scores of recordings, streamed or offline only, and the files that evaluate writes."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from tests.export import small
from tests.scoring.conftest import Case, hand_made


@pytest.fixture(scope="session")
def scores(case: Case) -> list[RecordingScore]:
    network, identifier = case.network(), case.identifier()
    return [evaluation.score(row, case.wavs[row.recording], network, identifier) for row in case.rows]


def test_a_recording_scores_the_same_offline_as_streamed(case: Case, scores: list[RecordingScore]) -> None:
    network = case.network()
    for row, streamed in zip(case.rows, scores, strict=True):
        offline = evaluation.score(row, case.wavs[row.recording], network, None)
        assert (offline.predicted, offline.right, offline.weight) == (
            streamed.predicted,
            streamed.right,
            streamed.weight,
        )
        assert vars(offline.stability).keys() == vars(streamed.stability).keys()
        assert offline.stability.sequences_right == streamed.stability.sequences_right
        assert offline.stability.after.keys() == streamed.stability.after.keys()
        np.testing.assert_allclose(offline.decision.posteriors, streamed.decision.posteriors, atol=1e-4)


def test_the_decision_is_the_one_that_users_of_the_stream_get(case: Case, scores: list[RecordingScore]) -> None:
    from pipeline.audio.samples import to_waveform
    from pipeline.audio.wav import Reader

    stream, wav = case.identifier(), case.wavs["r2"]
    waveform = to_waveform(Reader(wav)(0, wav.n_samples))
    for at in range(0, len(waveform), 1600):
        stream.accept(waveform[at : at + 1600])
    stream.finish()
    np.testing.assert_array_equal(scores[2].decision.posteriors, stream.decision.posteriors)
    assert scores[2].decision.since == stream.decision.since


def test_silent_frames_weigh_as_the_strategy_says(case: Case, scores: list[RecordingScore]) -> None:
    for row, scored in zip(case.rows, scores, strict=True):
        speech = case.store.flags(row.recording)
        assert scored.weight == (len(speech) if case.description.silence.strategy == "label" else speech.sum())
        assert 0 <= scored.right <= scored.weight


@pytest.mark.parametrize("streamed", [False, True])
def test_pieces_of_a_recording_are_scored_on_their_own_frames(
    case: Case, scores: list[RecordingScore], streamed: bool
) -> None:
    whole, wav = case.rows[2], case.wavs["r2"]
    identifier = case.identifier() if streamed else None
    pieces = [
        evaluation.score(dataclasses.replace(whole, piece=piece, pieces=3), wav, case.network(), identifier)
        for piece in range(3)
    ]
    assert sum(piece.right for piece in pieces) == scores[2].right
    assert sum(piece.weight for piece in pieces) == scores[2].weight
    assert sum(piece.decision.frames for piece in pieces) == scores[2].decision.frames
    assert sum(piece.decision.frames > 0 for piece in pieces) > 1


def test_frames_are_right_if_their_class_has_the_highest_posterior(case: Case) -> None:
    scored = hand_made(case, "hindi", 0, 1, 1, 1, n_silent=3)
    labelled = case.description.silence.strategy == "label"
    assert (scored.right, scored.weight) == ((6, 7) if labelled else (3, 4))
    assert scored.predicted == "hindi"
    assert scored.stability.stable_frame == 2  # after frame 1 it is a tie, which the first language wins
    assert hand_made(case, "hindi", n_silent=4).predicted == "undecided"


def test_recordings_are_written_one_per_row_with_a_posterior_per_class(
    case: Case, scores: list[RecordingScore], tmp_path: Path
) -> None:
    evaluation.write_recordings(tmp_path / "recordings.csv", scores, case.description.classes)
    with (tmp_path / "recordings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["recording"] for row in rows] == list(case.wavs)
    for row, scored in zip(rows, scores, strict=True):
        assert (row["language"], row["predicted"]) == (scored.row.language, scored.predicted)
        posteriors = [float(row[name]) for name in case.description.classes]
        assert sum(posteriors) == pytest.approx(1, abs=1e-5)
        spoken = max(posteriors[: len(small.LANGUAGES)])
        assert float(row["confidence"]) == (spoken if scored.decision.frames else 0)
