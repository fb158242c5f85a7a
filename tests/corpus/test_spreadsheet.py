"""Tables that users write: read strictly, whichever layout they belong to."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.corpus import spreadsheet
from pipeline.errors import CorpusError
from tests.corpus.corpora import refusal, settings, touch


def refusals(root: Path) -> tuple[str, str]:
    """The messages that refuse metadata.csv in the table layout, and speakers.csv in the folders layout."""
    touch(root, "train_hindi/c.wav")
    by_table = refusal(settings("table", root))
    return by_table, refusal(settings("folders", root, speaker_table="speakers.csv", speaker_pattern=None))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "is empty"),
        ("path,language,speaker,speaker\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path,language, speaker ,speaker\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path,language,speaker\na.wav,hindi\n", "line 2 is short: it has 2 cells and the header 3"),
        ("path,language,speaker\n\na.wav,hindi,s,t\n", "line 3 is long: it has 4 cells and the header 3"),
        ('path,language,speaker\na.wav,hindi,"s\nb.wav,hindi,s\n', "is not CSV"),
        ('path,language,speaker\na.wav,hindi,"s"t\n', "line 2 is not CSV"),
        ("path,language,speaker,a\x1bb\na.wav,hindi,s,t\n", r"has a column 'a\x1bb', whose name can't be printed"),
    ],
)
def test_a_table_that_could_be_misread_is_refused_with_its_reason(tmp_path: Path, table: str, reason: str) -> None:
    (tmp_path / "metadata.csv").write_text(table)
    (tmp_path / "speakers.csv").write_text(table)
    for message in refusals(tmp_path):
        assert reason in message


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path), lambda path: None])
def test_a_table_that_is_not_a_file_is_refused_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "metadata.csv")
    make(tmp_path / "speakers.csv")
    by_table, by_folders = refusals(tmp_path)
    assert "metadata.csv" in by_table
    assert "speakers.csv" in by_folders


def test_rows_come_with_their_lines_and_unaltered_cells(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('\ufeffpath, said by ,,\n\n a.wav,"A\nsha ",,\n\nb.wav,,x,y\n', encoding="utf-8")
    assert list(spreadsheet.scan(path, ("path", "said by"), "x.csv", "write it")) == [
        (4, {"path": " a.wav", "said by": "A\nsha "}),
        (6, {"path": "b.wav", "said by": ""}),
    ]


def test_a_message_begins_with_the_name_and_ends_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("path\na.wav\n")
    with pytest.raises(CorpusError, match=r"^the table has no column who nor when; write it$"):
        list(spreadsheet.scan(path, ("path", "who", "when"), "the table", "write it"))
    path.write_bytes(b"path\n\xff\n")
    with pytest.raises(CorpusError, match=r"^the table can't be read \(.*utf-8.*\); write it$"):
        list(spreadsheet.scan(path, ("path",), "the table", "write it"))
