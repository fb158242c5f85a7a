"""Names that look alike are one name, wherever they come from."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import names, params
from pipeline.corpus import layouts
from pipeline.splits import methods
from tests.corpus.corpora import settings, touch, write_csv
from tests.splits.rows import SPLIT

SPACES = [" ", "  ", "\u00a0", "\u2009", "\u202f", "\u3000", " \t"]
INVISIBLE = ["", "\u200b", "\u200d", "\u00ad", "\ufeff", "\u2060", "\ufe0f"]
WORDS = st.text(st.characters(categories=["L", "M", "Nd"]), min_size=1, max_size=6)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).filter(lambda name: len(names.normal(name)) > 0)


@st.composite
def renderings(draw: st.DrawFn) -> tuple[str, str]:
    """A name, written in two ways."""
    name = draw(NAMES)

    def rendered() -> str:
        text = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), name)
        before, after, space, end = (draw(st.sampled_from(some)) for some in (INVISIBLE, INVISIBLE, SPACES, SPACES))
        return before + space.join(text.split(" ")) + after + end

    return rendered(), rendered()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    touch(root, "a.wav", "b.wav")
    return root


@given(renderings())
def test_all_renderings_of_a_name_are_one_in_tables_pins_and_parameters(root: Path, pair: tuple[str, str]) -> None:
    one, other = pair
    header = ["path", "language", "speaker", "group", f"said by {one}"]
    rows = [["a.wav", "hindi", one, one, one], ["b.wav", "hindi", other, other, other]]
    write_csv(root / "metadata.csv", [header, *rows])
    listing = layouts.read(settings("table", root))
    first, second = listing.entries
    assert (first.speaker, first.group, first.columns) == (second.speaker, second.group, second.columns)
    write_csv(root / "pins.csv", [["speaker", "split"], [one, "test"], [other, "test"]])
    assert methods.read_pins(root / "pins.csv") == {first.speaker: "test"}
    column = f"said by {other}"
    split = params.Split.model_validate(dict(SPLIT) | {"stratify": [column], "holdout": {column: [other]}})
    (taken,) = first.columns.items()
    assert (*split.stratify, split.holdout) == (taken[0], {taken[0]: (taken[1],)})


@given(st.text())
def test_the_normal_form_is_that_of_itself(text: str) -> None:
    assert names.normal(names.normal(text)) == names.normal(text)
    assert names.line(text).isprintable()
    assert names.normal("a\u200e\u200fb") == "ab"
    assert not names.normal("a\u202eb").isprintable()  # controls of direction change what is seen


def test_languages_are_one_name_too(tmp_path: Path) -> None:
    french = unicodedata.normalize("NFD", "français")
    assert settings("folders", tmp_path, languages=(french, "hindi")).languages == ("français", "hindi")
    with pytest.raises(ValueError, match="twice"):
        settings("folders", tmp_path, languages=("Xyzzy", "xyzzy"))
