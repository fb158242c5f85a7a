"""Speakers from a table or a pattern, for the folders layout."""

from pathlib import Path

import pytest

from pipeline.corpus import layouts
from tests.corpus.corpora import reasons, refusal, settings, touch

TABLE = {"speaker_table": "speakers.csv", "speaker_pattern": None}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a corpus whose speaker table each test writes."""
    root = tmp_path_factory.mktemp("corpus")
    touch(root, "train_hindi/c.wav", "train_hindi/d.wav", "train_english/e.wav")
    return root


def test_the_pattern_is_searched_for_in_the_path_and_takes_precedence_over_the_table(tmp_path: Path) -> None:
    touch(tmp_path, "hindi/a_0.wav", "hindi/b_12.wav", "hindi/c_3.wav")
    corpus = settings("folders", tmp_path, speaker_table="nowhere.csv", speaker_pattern=r"_(?P<speaker>\d)\.wav$")
    listing = layouts.read(corpus)
    assert {entry.path: entry.speaker for entry in listing.entries} == {"hindi/a_0.wav": "0", "hindi/c_3.wav": "3"}
    assert reasons(listing) == {"hindi/b_12.wav": "no_speaker"}


def test_the_table_is_searched_for_the_path_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "speakers.csv").write_text(
        "path,age,speaker\n./hindi//b.wav,42, Asha  Rao\nhindi/c.wav,,\n.\\hindi\\f.wav,,Bela\n"
    )
    paths = ["hindi/b.wav", "hindi/c.wav", "hindi/d.wav", "hindi/f.wav"]
    touch(tmp_path, *paths)
    listing = layouts.read(settings("folders", tmp_path, **TABLE))
    assert {entry.path: entry.speaker for entry in listing.entries} == {paths[0]: "Asha Rao", paths[3]: "Bela"}
    assert reasons(listing) == dict.fromkeys(paths[1:3], "no_speaker")


@pytest.mark.parametrize("text", ["file,speaker\nx,y\n", "", f"path,{'y' * 200_000},speaker\n", None], ids=list("abcd"))
def test_a_table_that_is_missing_or_can_not_be_read_is_refused_by_its_path(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "speakers.csv").write_text(text)
    message = refusal(settings("folders", tmp_path, **TABLE))
    assert f"the speaker table '{tmp_path}/speakers.csv' " in message
    assert ("needs corpus.speaker_table or corpus.speaker_pattern" in message) == (text is None)


def test_lines_that_contradict_each_other_are_refused_and_bad_ones_rejected(root: Path) -> None:
    path = "train_hindi/c.wav"
    corpus = settings("folders", root, **TABLE)
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Bela\n")
    two = f"names two speakers of {path!r}, 'Asha' (line 2) and 'Bela' (line 4); remove the wrong line"
    assert two in refusal(corpus)
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Asha \ntrain_hindi/d.wav\n")
    listing = layouts.read(corpus)
    assert [entry.speaker for entry in listing.entries] == ["Asha"]
    assert reasons(listing)["speakers.csv"] == "line"
