"""The table layout: metadata.csv."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus import layouts
from pipeline.corpus.entries import Listing
from tests.corpus.corpora import listed, reasons, refusal, settings, touch, write_csv

HEADER = ["path", "language", "speaker"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a corpus whose table each test writes."""
    touch(tmp_path / "root", "a.wav", "b.wav", "train_hindi/c.wav")
    return tmp_path / "root"


def read(root: Path, *rows: list[str], header: list[str] = HEADER, **changes: Any) -> Listing:
    write_csv(root / "metadata.csv", [header, *rows])
    return layouts.read(settings("table", root, **changes))


def test_rows_are_listed_with_their_cells_each_as_one_printable_line(root: Path) -> None:
    row = ["a.wav", "hindi", " A\r\nsha ", "tape 1", "x\r\n\x1by\0"]
    (entry,) = read(root, row, header=[*HEADER, "group", "said"]).entries
    assert (entry.path, entry.speaker, entry.group, entry.columns) == ("a.wav", "A sha", "tape 1", {"said": "x y"})


def test_paths_as_windows_writes_them_are_found(root: Path) -> None:
    (root / "back\\slash.wav").touch()  # a name like any other here
    paths = ["train_hindi\\c.wav", "back\\slash.wav", "C:\\train_hindi\\c.wav", "\\\\server\\c.wav", "no\\c.wav"]
    listing = read(root, *([path, "hindi", "s"] for path in paths))
    assert listed(listing) == ["back\\slash.wav", "train_hindi/c.wav"]
    assert reasons(listing) == {paths[2]: "missing", paths[3]: "outside", paths[4]: "missing"}
    assert listing.rejected[0].detail == "is a path of Windows; write it relative to corpus.root"


def test_the_names_of_columns_may_be_in_any_case_and_times_have_decimal_commas(root: Path) -> None:
    (root / "metadata.csv").write_text("Path; LANGUAGE;Speaker_1;Start;END;Note\na.wav;hindi;Asha;0,5;1,25;x\n;;;;;\n")
    (entry,) = layouts.read(settings("table", root)).entries
    assert (entry.channel_speakers, entry.start_s, entry.end_s, entry.columns["Note"]) == (("Asha",), 0.5, 1.25, "x")


@pytest.mark.parametrize("form", [str, str.upper, str.title])
def test_columns_that_mean_something_do_so_in_any_case(root: Path, form: Callable[[str], str]) -> None:
    header = [form(name) for name in (*HEADER, "licence", "url", "split", "reported")]
    rows = [[f"{name}.wav", "hindi", "s", "CC0-1.0", "u", "test", why] for name, why in (("a", ""), ("b", "noisy"))]
    listing = read(root, *rows, header=header, licences=("CC0-1.0",), reported=("noisy",))
    (entry,) = listing.entries
    assert entry.columns == {"licence": "CC0-1.0", "url": "u", "split": "test", "reported": ""}
    assert listing.skipped == {"reported: noisy": 1}


def test_paths_out_of_the_corpus_and_to_no_file_are_rejected(root: Path) -> None:
    outside = root.parent / "x.wav"
    outside.touch()
    wrong = dict.fromkeys(["../x.wav", str(outside), "a/../../x.wav", "/etc/hostname", ""], "outside")
    wrong |= {"gone.wav": "missing", ".": "not_a_file", "x" * 300 + ".wav": "missing"}
    touch(root, "._a.wav", "@eaDir/a.wav")  # a path that a table names is a recording, whatever its name
    right = ["._a.wav", "@eaDir/a.wav", "a.wav"]
    listing = read(root, *([path, "hindi", "s"] for path in (*wrong, "a\0b.wav", *right)))
    assert reasons(listing) == wrong | {r"'a\x00b.wav'": "name"}
    assert listed(listing) == right


@pytest.mark.parametrize("column", ["language", "speaker", "group"])
def test_a_row_whose_names_can_not_be_printed_is_rejected(root: Path, column: str) -> None:
    row = {"path": "a.wav", "language": "hindi", "speaker": "Asha", "group": "g"} | {column: "hin\u202edi"}
    (rejected,) = read(root, list(row.values()), header=list(row)).rejected
    assert (rejected.path, rejected.reason) == ("a.wav", "name")
    assert f"has a {column} that can't be printed" in rejected.detail


@pytest.mark.parametrize(
    ("cells", "path", "reason"),
    [
        (["b.wav", "hindi", "  "], "b.wav", "no_speaker"),
        (["b.wav", "hindi", "s", "2,5", "1"], "b.wav", "times"),
        (["b.wav", "hindi", "s", "0", "1", "A"], "b.wav", "channel"),
        (["a.wav", "hindi", "s"], "a.wav", "line"),  # the same again
        (["b.wav", "hindi"], "metadata.csv", "line"),
    ],
)
def test_a_bad_row_costs_that_row(root: Path, cells: list[str], path: str, reason: str) -> None:
    header = [*HEADER, "start", "end", "channel"]
    listing = read(root, ["a.wav", "hindi", "s"], cells, header=header)
    assert (listed(listing), reasons(listing)) == (["a.wav"], {path: reason})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        *((f"path,language,speaker\na.wav,hindi,s\n{path},hindi,t\n", "line 3 lists 'a.wav' again, with other cells")
          for path in ("a.wav", "./a.wav", "x/../a.wav")),
        ("path,speaker\n", "has no column language"),
    ],
)  # fmt: skip
def test_a_table_that_contradicts_itself_or_lacks_a_column_is_refused(root: Path, table: str, message: str) -> None:
    (root / "metadata.csv").write_text(table)
    assert f"{root}/metadata.csv {message}" in refusal(settings("table", root))
