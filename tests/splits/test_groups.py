"""Groups are linked by a chain of shared speakers, sources, audio or speech; nobody in a held-out source is kept."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow
from pipeline.splits.groups import divide, groups, notes
from tests.splits.rows import recording

SOURCES = ("radio", "tv", "phone")


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        (  # linked in a chain: by source, audio, speech
            [
                recording(0, "a", "s0", group="tape"),
                recording(1, "b", "s1", group="tape", sha256="same"),
                recording(2, "a", "s2", sha256="same", speech="said"),
                recording(3, "a", "s3"),
                recording(4, "b", "s4", speech="said"),
            ],
            [0, 0, 0, 1, 0],
        ),
        (  # equal names of a speaker, a source, an audio and a speech link nothing
            [
                recording(0, "a", "same"),
                recording(1, "a", "x", group="same"),
                recording(2, "a", "y", sha256="same"),
                recording(3, "a", "z", speech="same"),
            ],
            [0, 1, 2, 3],
        ),
        ([recording(number, "a", speaker) for number, speaker in enumerate("zaazb")], [0, 1, 1, 0, 2]),  # in order
        ([recording(number, "a", name) for number, name in enumerate(["Ann", "bob", "ann"])], [0, 1, 0]),  # any case
    ],
)
def test_groups(rows: list[RecordingRow], numbers: list[int]) -> None:
    assert groups(rows).tolist() == numbers


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
        ({"gender": ("f",)}, "split.holdout names 'gender', but the corpus table has no such column; it has 'source'"),
        ({"source": ("cinema",)}, "keeps source 'cinema' out, but no recording has it; there are 'radio', 'tv'"),
        ({"source": ("tv",)}, "leaves no recording of 'english' to train on"),
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
