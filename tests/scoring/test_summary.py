"""The scores of a test set as evaluate writes them."""

import json
import math
from typing import Any

import pytest

from pipeline.scoring import summary
from pipeline.streaming.decision import Rule
from pipeline.streaming.description import Description
from tests.export import small
from tests.scoring.conftest import hand_made


def test_the_summary_is_plain_json_rounded_to_six_digits(description: Description) -> None:
    answers: list[Any] = [("english", 0, 0, 2), ("hindi", 1), ("mandarin", 0)]
    found = summary.summarise([hand_made(description, *one) for one in answers], description)
    assert json.loads(json.dumps(found)) == found
    assert (found["frame_accuracy"], found["recording_accuracy"], found["sequence_accuracy"]) == (0.6, *[0.666667] * 2)
    assert (found["recordings"], found["speakers"]) == (3, 1)
    assert found["stream"]["decision_changes"] == 0
    assert found["unknown"] is None
    assert found["speakers_by_language"] == dict.fromkeys(small.LANGUAGES, 1)
    assert {*found["intervals"].pop("recall").values(), *found["intervals"].values()} == {None}  # one speaker


def test_every_score_is_in_its_interval(description: Description) -> None:
    scores = [
        hand_made(description, language, (number + 1) % 3, *[number] * speaker, speaker=f"s{speaker}")
        for number, language in enumerate(small.LANGUAGES)
        for speaker in range(6)
    ]
    found = summary.summarise(scores, description)
    recall = found["intervals"].pop("recall")
    pairs = [(found[name], interval) for name, interval in found["intervals"].items()]
    pairs += [(found["recall"][language], recall[language]) for language in small.LANGUAGES]
    assert all(low <= score <= high for score, (low, high) in pairs)


def test_scores_after_some_seconds_are_over_the_recordings_that_reach_them(description: Description) -> None:
    second = round(1 / description.frame_s)
    scores = [
        hand_made(description, language, *[number] * length, speaker=f"s{length}")
        for number, language in enumerate(small.LANGUAGES)
        for length in (second, 3 * second - 1)
    ]
    scores.append(hand_made(description, "hindi", *[0] * 3 * second))
    found = summary.summarise(scores, description)["after"]
    assert (found["1 s"]["recordings"], found["1 s"]["recording_accuracy"]) == (7, pytest.approx(6 / 7))
    assert found["3 s"] == {"recordings": 1}  # of one language only: no score


def test_the_cost_of_unknown_answers(description: Description) -> None:
    description = description.model_copy(update={"decision": Rule(unknown_below=0.7)})
    answers: list[Any] = [("english", 0, 0, 0), ("english", 0, 1), ("hindi", 1, 1, 1), ("mandarin", 0, 1)]
    scores = [hand_made(description, *one) for one in answers]
    found = summary.summarise(scores, description)
    assert [scored.predicted for scored in scores] == ["english", "unknown", "hindi", "unknown"]
    rates = {"refused": 0.5, "right_refused": 0.333333, "wrong_refused": 1.0, "accuracy_of_answers": 1.0}
    assert found["unknown"] == {"below": 0.7, **rates}


def test_the_table_shows_every_answer_and_recall(description: Description) -> None:
    answers: list[Any] = [("english", 0), ("english",), ("hindi", 1)]
    scores = [hand_made(description, *one, n_silent=2) for one in answers]
    header, rows = summary.table(scores, ["english", "hindi"])
    assert header == ["actual \\ predicted", "english", "hindi", "undecided", "recall"]
    assert rows == [["english", 1, 0, 1, "50.0%"], ["hindi", 0, 1, 0, "100.0%"]]


def test_a_set_may_lack_languages(description: Description) -> None:
    scores = [
        hand_made(description, language, *answers, speaker=speaker)
        for language, speaker, answers in [("english", "a", (0,)), ("english", "b", (1,)), ("hindi", "c", (1, 1))]
    ]
    two = summary.summarise(scores, description)
    assert (two["recall"], two["macro_recall"]) == ({"english": 0.5, "hindi": 1.0}, 0.75)
    assert "c_avg" in two
    one = summary.summarise(scores[:2], description)
    assert (one["recall"], one["recording_accuracy"]) == ({"english": 0.5}, 0.5)
    assert "c_avg" not in one  # nothing to tell it from
    assert one["intervals"]["macro_recall"] is not None


def test_the_rates_of_detectors_are_by_language(description: Description) -> None:
    scores = [hand_made(description, language, number) for number, language in enumerate(small.LANGUAGES)]
    rows = summary.det(scores, description)
    assert list(dict.fromkeys(row.language for row in rows)) == list(small.LANGUAGES)
    rates = [(row.miss, row.false_alarm) for row in rows if row.language == "hindi"]
    assert (rates[0], rates[-1]) == ((0, 1), (1, 0))
    assert (0, 0) in rates  # every recording has the highest ratio for its own language


def test_a_row_per_recording_says_how_soon_the_answer_was_right(description: Description) -> None:
    scores = [hand_made(description, "english", 1, 0, 0, n_silent=2), hand_made(description, "hindi", 0)]
    frame_s = description.frame_s
    late, never = summary.streams(scores, description)
    assert [late.speech_s, late.right_s, late.changes] == pytest.approx([3 * frame_s, frame_s, 1])
    assert [never.speech_s, never.right_s, never.changes] == pytest.approx([frame_s, math.inf, 0])
