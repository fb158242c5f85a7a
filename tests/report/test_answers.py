"""Answers are joined from the tables of two stages."""

import pytest

from pipeline.errors import ArtifactError
from pipeline.report.answers import joined
from tests.report.sample import LANGUAGES, made_answers

ANSWERS = made_answers(LANGUAGES, [("english", "english"), ("hindi", "english"), ("mandarin", "mandarin")])
ROWS = [answer.row for answer in ANSWERS]
DECISIONS = [answer.decision for answer in ANSWERS]
STREAMS = [answer.stream for answer in ANSWERS]


def test_recordings_without_an_answer_are_passed_over() -> None:
    assert joined(ROWS, DECISIONS, STREAMS) == ANSWERS
    assert joined(ROWS, DECISIONS[1:], STREAMS[1:]) == ANSWERS[1:]
    assert joined(ROWS, [], []) == []


def test_tables_of_different_runs_are_one_sentence() -> None:
    for rows, decisions, streams in (
        (ROWS[:2], DECISIONS, STREAMS),
        (ROWS, DECISIONS, STREAMS[:2]),
        (ROWS, DECISIONS[:2], STREAMS),
        (ROWS, DECISIONS, STREAMS[::-1]),
        (ROWS[::-1], DECISIONS, STREAMS),
    ):
        with pytest.raises(ArtifactError, match="are of different runs: they differ at 'r"):
            joined(rows, decisions, streams)
