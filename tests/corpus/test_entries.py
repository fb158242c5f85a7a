"""Ids of recordings."""

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.corpus.entries import Entry
from tests.corpus.corpora import HOSTILE_NAMES


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
@example("x" * 250 + ".wav")
def test_an_id_is_safe_as_a_file_name(path: str) -> None:
    name = Entry(path, "hindi", "s").id()
    assert name.isascii()
    assert name.replace("-", "").replace("_", "").isalnum()
    assert not name.startswith("-")
    assert len(name) < 100


@given(
    st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(HOSTILE_NAMES), min_size=2)
)
def test_ids_of_different_paths_differ_even_if_case_is_ignored(paths: set[str]) -> None:
    assert len({Entry(path, "hindi", "s").id().lower() for path in paths}) == len(paths)


def test_an_id_depends_on_the_path_alone() -> None:
    assert Entry("a/b.wav", "hindi", "s").id() == Entry("a/b.wav", "english", "t", "g", {"x": "y"}).id()
    assert Entry("a/b.wav", "hindi", "s").id() != Entry("c/b.wav", "hindi", "s").id()
