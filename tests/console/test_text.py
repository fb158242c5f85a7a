"""Any text becomes one printable line."""

from hypothesis import given
from hypothesis import strategies as st

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
    assert brief(None) == "None"
    assert len(brief(["x"] * 1000)) == BRIEF_CHARACTERS
    assert brief(10**5000) == "a value too long to print"
