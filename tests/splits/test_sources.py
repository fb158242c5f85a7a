"""Held-out sources: every recording in one part, and folds in which every source is left out once."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow
from pipeline.splits.sources import divide, folds, held_out, notes, unheard
from tests.splits.rows import recording

SOURCES = ("radio", "tv", "phone")


def corpus(parts: Sequence[tuple[int, str, bool]]) -> list[RecordingRow]:
    """Recordings of (speaker, source, whether the language is Hindi)."""
    return [
        recording(number, "hindi" if hindi else "english", f"s{speaker}", extra={"source": source})
        for number, (speaker, source, hindi) in enumerate(parts)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(SOURCES), st.booleans()), min_size=1, max_size=30),
    st.sets(st.sampled_from(SOURCES)),
)
def test_every_recording_is_in_one_part_and_nobody_held_out_is_kept(
    parts: list[tuple[int, str, bool]], held: set[str]
) -> None:
    rows = corpus(parts)
    try:
        found = divide(rows, {"source": tuple(sorted(held))} if held else {})
    except CorpusError:
        return  # a source that nobody has, or a language that loses everything
    assert sorted(row.recording for part in found for row in part) == sorted(row.recording for row in rows)
    assert all(row.extra["source"] in held for row in found.other)
    assert not any(row.extra["source"] in held for row in (*found.kept, *found.left_out))
    assert not {row.speaker for row in found.kept} & {row.speaker for row in (*found.other, *found.left_out)}
    assert {row.language for row in found.kept} == {row.language for row in rows}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"gender": ("f",)}, "split.holdout needs the column 'gender', which the corpus table lacks; it has 'source'"),
        ({"source": ("cinema",)}, "keeps source 'cinema' out, but no recording has it; there are 'radio', 'tv'"),
        ({"source": ("tv",)}, "leave no recording of 'english' to train on"),
    ],
)
def test_a_holdout_that_cannot_be(asked: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        divide(corpus([(0, "radio", True), (1, "tv", False)]), asked)


def test_it_is_said_what_the_sources_leave_unknown() -> None:
    rows = corpus([(0, "radio", True), (1, "radio", False), (2, "tv", False)])
    [left, one] = notes(rows, 2)
    assert left.startswith("2 recordings share a speaker")
    assert one.startswith("hindi: all recordings come from 'radio', so that")
    assert notes(corpus([(0, "radio", True), (1, "radio", False)]), 0) == []  # one source for all


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(SOURCES), st.booleans()), min_size=1), st.integers(3, 5))
def test_every_source_is_left_out_in_one_fold_unless_a_language_has_no_other(
    parts: list[tuple[int, str, bool]], count: int
) -> None:
    rows = corpus(parts)
    of = {
        language: {row.extra["source"] for row in rows if row.language == language} for language in ("hindi", "english")
    }
    only = {source for sources in of.values() if len(sources) == 1 for source in sources}
    found = folds(rows, count, seed=1)
    assert {*found} == set.union(*of.values()) - only
    assert {*found.values()} <= {*range(count)}
    assert found == folds(rows[::-1], count, seed=1)


def test_a_fold_has_an_equal_share_of_the_sources_of_each_language() -> None:
    rows = corpus([(number, f"s{number % 10}", number < 10) for number in range(20)])
    found = folds(rows, 5, seed=0)
    assert [[*found.values()].count(fold) for fold in range(5)] == [2] * 5


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["hindi", "tamil"])), min_size=1, max_size=20), st.data())
def test_an_open_set_shares_no_speaker_with_training_and_misses_nobody_else(
    parts: list[tuple[int, str]], data: st.DataObject
) -> None:
    rows = [recording(number, language, f"s{speaker}") for number, (speaker, language) in enumerate(parts)]
    split = data.draw(st.lists(st.sampled_from(["train", "val", "test", "other"]), min_size=6, max_size=6))
    split_of = {row.recording: split[int(row.speaker[1:])] for row in rows if row.language == "hindi"}
    free, rest = unheard(rows, split_of)
    both = sorted(row.recording for row in (*free, *rest))
    assert both == sorted(row.recording for row in rows if row.language == "tamil")
    heard = {row.speaker for row in rows if split_of.get(row.recording, "test") != "test"}
    assert all((row.speaker in heard) == (row in rest) for row in (*free, *rest))


def test_the_sources_of_a_fold_join_those_of_the_holdout() -> None:
    rows = corpus([(number, f"s{number}", number % 2 == 0) for number in range(8)])
    settings = params.Split(method="sources", folds=4, fold=3, holdout={"source": "s0", "language": "tamil"})
    found = folds(rows, 4, seed=7)
    assert held_out(rows, settings, 7) == {"source": ("s0", *[name for name in found if found[name] == 3])}
    assert held_out(rows, settings.model_copy(update={"method": "hours"}), 7) == {"source": "s0"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([recording(0, "hindi", "ann")], "split.method 'sources' needs the column 'source'"),
        (
            corpus([(0, "radio", True), (1, "radio", False)]),
            "split.fold 0 of 5 has no source: 0 sources can be left out",
        ),
    ],
)
def test_sources_that_cannot_be_left_out(rows: list[RecordingRow], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        held_out(rows, params.Split(method="sources"), 0)
