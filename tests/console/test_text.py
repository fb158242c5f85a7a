"""Any text becomes one printable line; progress is a line every two seconds; tables line up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.console.terminal import INTERVAL_S, Progress, show_table
from pipeline.console.text import BRIEF_CHARACTERS, brief, printable, shorten

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # surrogates too: names of files that are not UTF-8


@given(ANY_TEXT)
def test_printable_text_is_on_one_line_and_otherwise_unchanged(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    if text.isprintable():
        assert printable(text) == text


@given(ANY_TEXT, st.integers(14, 100))
def test_a_shortened_text_keeps_to_its_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert len(short.splitlines()) <= 1
    whole = " ".join(text.split())
    assert short == whole or (whole.startswith(short[: limit - 13]) and whole.endswith(short[-10:]))


def test_any_value_is_brief() -> None:
    assert len(brief(["x"] * 1000)) == BRIEF_CHARACTERS
    assert brief(10**5000) == "a value too long to print"


def test_progress_is_shown_at_intervals_and_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress("trim", 100, "recordings")
    for _ in range(100):
        now += INTERVAL_S / 8
        progress.update(1, note="20 silent")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[0] == "trim:   8 of 100 recordings, 23 s left, 20 silent"
    assert lines[-1] == "trim: 100 of 100 recordings, in 25 s, 20 silent"


def test_a_cell_that_would_move_the_cursor_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["file", "n"], [["a\nb\x1b[2J", 1], ["c", 10]])
    assert capsys.readouterr().out == "file          n\na\\nb\\x1b[2J   1\nc            10\n"
