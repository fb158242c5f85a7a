"""Speakers from a table or a pattern, for the folders layout."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given

from pipeline.corpus import layouts
from tests.corpus.corpora import check_listing_or_sentence, reasons, refusal, settings, table_texts, touch

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


@pytest.mark.parametrize("text", ["file,speaker\nx,y\n", "", f"path,{'y' * 200_000},speaker\n"], ids=["x", "", "y"])
def test_a_table_that_can_not_be_read_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "speakers.csv").write_text(text)
    assert re.search(r"speaker table .*speakers\.csv", refusal(settings("folders", tmp_path, **TABLE)))


@pytest.mark.parametrize("table", ["speakers.csv", None])
def test_a_table_or_a_pattern_is_needed(tmp_path: Path, table: str | None) -> None:
    message = refusal(settings("folders", tmp_path, speaker_table=table, speaker_pattern=None))
    assert "needs corpus.speaker_table or corpus.speaker_pattern" in message
    assert f"the speaker table '{tmp_path}/speakers.csv' is not a file" in message


def test_speakers_that_contradict_each_other_are_refused_with_their_lines(root: Path) -> None:
    path = "train_hindi/c.wav"
    corpus = settings("folders", root, **TABLE)
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Bela\n")
    assert f"{path!r} is spoken by 'Asha' (line 2) and by 'Bela' (line 4)" in refusal(corpus)
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Asha \n")
    assert [entry.speaker for entry in layouts.read(corpus).entries] == ["Asha"]


def test_a_bad_line_of_the_table_is_rejected(root: Path) -> None:
    (root / "speakers.csv").write_text("path,speaker\ntrain_hindi/c.wav,Asha\ntrain_hindi/d.wav\n")
    listing = layouts.read(settings("folders", root, **TABLE))
    assert [entry.speaker for entry in listing.entries] == ["Asha"]
    assert reasons(listing)["speakers.csv"] == "line"


@given(table_texts("path", "speaker"))
@example("")
@example("path,speaker\ntrain_hindi/c.wav,\x00\n")
def test_any_table_gives_a_listing_or_a_sentence(
    root: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    (root / "speakers.csv").write_bytes(text.encode())
    check_listing_or_sentence(settings("folders", root, **TABLE), tmp_path_factory.getbasetemp())
