"""Answers are joined from the tables of two stages; the weakest point is what makes the scores untrue, or else bad."""

import pytest

from pipeline.errors import ArtifactError
from pipeline.report import verdict
from pipeline.report.answers import joined
from pipeline.rows import AnswerRow
from tests.report.sample import LANGUAGES, made_answers

KNOWN = {"sentence": ""}
ONE_SOURCE = {"english": ["a"], "hindi": ["b"]}
SHARED = {"english": ["a", "b"], "hindi": ["b"]}
TOLD = {"chance": 0.33, "score": 0.61, "low": 0.5}
NOT_TOLD = {"chance": 0.33, "score": 0.61, "low": 0.3}
UNKNOWN = {"chance": None, "score": None, "low": None}
FEW, MANY = ({"speakers": speakers, "speakers_needed": 40, "macro_recall": 0.65} for speakers in (3, 40))


def answers(*pairs: tuple[str, str]) -> list[AnswerRow]:
    return [AnswerRow(*pair) for pair in pairs]


def test_the_worst_comes_first() -> None:
    given = answers(("english", "english"), ("hindi", "english"), ("hindi", "hindi"), ("hindi", "english"))
    right = answers(("english", "english"), ("hindi", "hindi"))
    for metrics, answered, speakers, sources, confounds, expected in (
        (FEW, given, {"sentence": "NOT KNOWN"}, ONE_SOURCE, TOLD, "The speakers are not known"),
        (FEW, given, KNOWN, ONE_SOURCE, TOLD, "Each language comes from one source"),
        (
            FEW,
            given,
            KNOWN,
            SHARED,
            TOLD,
            "Level, length and noise alone tell the language of 61% of the recordings",
        ),
        (FEW, given, KNOWN, SHARED, TOLD | {"score": 0.7}, "Hindi: 1 of 3 right, 2 called english."),
        (FEW, given, KNOWN, {"english": [""], "hindi": [""]}, UNKNOWN, "Hindi: 1 of 3 right"),
        (FEW, right, KNOWN, SHARED, NOT_TOLD, "Only 3 test speakers: their scores say little about others."),
        (MANY, right, KNOWN, SHARED, NOT_TOLD, "None was found: every test recording is right."),
        (FEW, [], KNOWN, SHARED, NOT_TOLD, "The test split has no recordings."),
    ):
        assert verdict.weakest(metrics, answered, speakers, sources, confounds).startswith(expected)


def test_the_sentence_names_the_range_of_other_runs() -> None:
    scores = {"recording_accuracy": 0.5, "macro_recall": 0.25, "intervals": {"recording_accuracy": None}}
    metrics = {**scores, "recordings": 1234, "speakers": 2, "other": None}
    plain = "50.0% of 1,234 test recordings of 2 speakers are recognised, macro recall 25.0%"
    unheard = "sources not heard before: not known from these data"
    assert verdict.sentence(metrics, None) == f"{plain}; {unheard}"
    usual = {"runs": 10, "recording_accuracy": [0.9, 1.0]}
    seeds = "10 seeds with the default parameters: 90.0% to 100.0%"
    assert verdict.sentence(metrics, usual) == f"{plain}; {seeds}; {unheard}"


def test_the_constant_answer_is_the_commonest_language() -> None:
    given = answers(("english", "hindi"), ("hindi", "hindi"), ("hindi", "english"), ("hindi", "hindi"))
    assert verdict.majority(given, ["english", "hindi"]) == ("hindi", 0.75, 0.5)


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
