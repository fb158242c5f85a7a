"""Speakers from a table or a pattern, for the folders layout."""

from pathlib import Path

import pytest

from pipeline.corpus import layouts
from tests.corpus.corpora import reasons, refusal, settings, touch

TABLE = {"speaker_table": "speakers.csv", "speaker_pattern": None}


def test_the_pattern_is_searched_for_in_the_path_and_takes_precedence_over_the_table(tmp_path: Path) -> None:
    touch(tmp_path, "hindi/a_0.wav", "hindi/b_12.wav", "hindi/c_3.wav")
    corpus = settings("folders", tmp_path, speaker_table="nowhere.csv", speaker_pattern=r"_(?P<speaker>\d)\.wav$")
    listing = layouts.read(corpus)
    assert {entry.path: entry.speaker for entry in listing.entries} == {"hindi/a_0.wav": "0", "hindi/c_3.wav": "3"}
    assert reasons(listing) == {"hindi/b_12.wav": "no_speaker"}


@pytest.mark.parametrize("text", ["file,speaker\nx,y\n", "", f"path,{'y' * 200_000},speaker\n", None], ids=list("abcd"))
def test_a_table_that_is_missing_or_can_not_be_read_is_refused_by_its_path(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "speakers.csv").write_text(text)
    message = refusal(settings("folders", tmp_path, **TABLE))
    assert f"the speaker table '{tmp_path}/speakers.csv' " in message
    assert ("needs corpus.speaker_table or corpus.speaker_pattern" in message) == (text is None)


def test_lines_of_any_form_are_read_those_that_contradict_each_other_refused_and_bad_ones_rejected(
    tmp_path: Path,
) -> None:
    paths, corpus = [f"hindi/{name}.wav" for name in "bcdf"], settings("folders", tmp_path, **TABLE)
    touch(tmp_path, *paths)
    table, lines = tmp_path / "speakers.csv", "path,age,speaker\n./hindi//b.wav,42, Asha  Rao\n"
    table.write_text(f"{lines}x.wav,,Asha\nhindi/b.wav,,Bela\n")
    assert "names two speakers of 'hindi/b.wav', 'Asha Rao' and, in line 4, 'Bela'; remove the" in refusal(corpus)
    table.write_text(f"{lines}hindi/b.wav,7,Asha Rao \nhindi/c.wav,,\n.\\hindi\\f.wav,,Bela\nhindi/d.wav\n")
    listing = layouts.read(corpus)
    assert {entry.path: entry.speaker for entry in listing.entries} == {paths[0]: "Asha Rao", paths[3]: "Bela"}
    assert reasons(listing) == {"speakers.csv": "line", **dict.fromkeys(paths[1:3], "no_speaker")}
