"""Tables that users write: read as any spreadsheet writes them, whichever layout they belong to."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.spreadsheet import Bad, Table
from pipeline.errors import CorpusError


def rows(path: Path, *required: str, bad: Bad | None = None, **options: Any) -> list[tuple[int, dict[str, str]]]:
    return list(Table(path, "the table", "write it", bad).rows(required, **options))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        (" ,;\n\n", "is empty"),
        ("path,language,speaker,speaker\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path,language, Speaker ,SPEAKER\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path|language\na.wav|hindi\n", "has no column path nor speaker (its first line: 'path|language')"),
        ("path,speaker,a\x1bb\na.wav,s,t\n", r"has a column 'a\x1bb', whose name can't be printed"),
        ('"path,language,speaker\na.wav,hindi,s\n', "line 1 is not CSV"),
        ("PK\3\4\0", "is a workbook, not a text; export it as CSV"),
        ("path,speaker\na.wav,\udcff\n", "line 2 is not in UTF-8; export the table as CSV in UTF-8"),
        (b"\xff\xfep\0a\0t\0h\0\n\0\0\xdc\n", "can't be read ('utf-16"),
        (os.mkfifo, "is not a file"),
        (os.mkdir, "is not a file"),
        (lambda path: path.symlink_to(path), "can't be read (Too many levels"),
        (lambda path: None, "can't be read (No such file"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_table_that_could_be_misread_is_refused_with_its_name_the_reason_and_the_remedy(
    tmp_path: Path, content: str | bytes | Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "x.csv"
    if callable(content):
        content(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogateescape"))
    with pytest.raises(CorpusError) as error:
        rows(path, "path", "speaker")
    assert str(error.value).startswith(f"the table {reason}")
    assert str(error.value).endswith("; write it")


def test_rows_come_with_their_lines_and_unaltered_cells(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('\ufeffpath, said by ,,\n\n a.wav,"A\nsha ",,\n\nb.wav,,x,y\n', encoding="utf-8")
    assert rows(path, "path", "said by") == [
        (3, {"path": " a.wav", "said by": "A\nsha "}),
        (6, {"path": "b.wav", "said by": ""}),
    ]


CELL = st.text(st.sampled_from('ab ü普,;\t"\n|'), max_size=5)
STYLES = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(",;\t"),
        "line_end": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "empty": st.integers(0, 2),  # lines
        "trailing": st.integers(0, 2),  # columns
        "named": st.booleans(),  # the separator, in the first line
    }
)


@given(cells=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=4), style=STYLES)
def test_a_table_is_read_however_a_spreadsheet_writes_it(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]], style: dict[str, Any]
) -> None:
    path, text, trailing = tmp_path_factory.getbasetemp() / "table.csv", io.StringIO(), [""] * style["trailing"]
    writer = csv.writer(text, delimiter=style["separator"], lineterminator="\n", quoting=style["quoting"])
    blank = [["", "", "", *trailing]] * style["empty"]
    writer.writerows([*blank, [" Path", "LANGUAGE ", "speaker", *trailing]])
    for row in cells:
        writer.writerows([[*row, *trailing], *blank])
    whole = (f"sep={style['separator']}\n" if style["named"] else "") + text.getvalue()
    path.write_bytes(whole.replace("\n", style["line_end"]).encode(style["encoding"]))
    found = [list(row.values()) for _, row in rows(path, "path", "language", "speaker")]
    assert found == [row for row in cells if any(cell.strip(' ,;\t"\n') for cell in row)]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("b.wav,hindi", "is short: it has 2 cells and the header 3"),
        ("b.wav,hindi,s,t", "is long: it has 4 cells and the header 3"),
        ("b.wav,hindi,Jos\udce9", "is not in UTF-8; export the table as CSV in UTF-8"),
        *((line, "is not CSV") for line in ('b.wav,hindi,"s', 'b.wav,hindi,"s"t', f"b.wav,hindi,{'s' * 200_000}")),
    ],
)
@pytest.mark.parametrize("after", ["c.wav,hindi,t\n", 'c.wav,hindi,"t"\n'])
def test_a_bad_line_costs_that_line(tmp_path: Path, line: str, fault: str, after: str) -> None:
    text, bad = f"path,language,speaker\na.wav,hindi,s\n\n{line}\n{after}", list[tuple[int, str]]()
    (path := tmp_path / "x.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    found = rows(path, "path", "language", "speaker", bad=lambda number, why: bad.append((number, why)))
    assert [(number, row["path"], row["speaker"]) for number, row in found] == [(2, "a.wav", "s"), (5, "c.wav", "t")]
    [(number, why)] = bad
    assert (number, why[: len(fault)]) == (4, fault)


@pytest.mark.parametrize("line", ["b", "Jos\udce9\tb", "b\tc\td"])
def test_the_advice_on_a_line_between_tabs_is_not_about_csv(tmp_path: Path, line: str) -> None:
    (path := tmp_path / "x.tsv").write_text(f"path\tid\n{line}\na\t1\n", encoding="utf-8", errors="surrogateescape")
    bad: list[str] = []
    table = Table(path, "the table", "write it", lambda number, why: bad.append(why), style="tabs")
    assert len(list(table.rows(("path", "id")))) == 1
    assert [why.partition("; ")[2] for why in bad] == ["write it"]


def test_a_last_line_without_its_end_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("path,speaker,group,end\na.wav,s\nb.wav,s,g,")
    assert [row["path"] for _, row in rows(path, "path", "speaker")] == ["a.wav", "b.wav"]
    path.write_text("path,speaker,group,end\na.wav,s\nb.wav,s")
    with pytest.raises(CorpusError, match="line 3 is cut off: it has 2 cells and the header 4"):
        rows(path, "path", "speaker")


@pytest.mark.parametrize(("separator", "point"), [(",", "1,500"), (";", "1.500"), ("\t", "1.500")])
def test_a_decimal_comma_becomes_a_point_unless_commas_separate(tmp_path: Path, separator: str, point: str) -> None:
    (path := tmp_path / "x.csv").write_text(
        f'path{separator}start{separator}said\na{separator}"1,500"{separator}"x, y"\n'
    )
    assert rows(path, "path", numbers=["start"]) == [(2, {"path": "a", "start": point, "said": "x, y"})]


def test_many_open_quotes_cost_no_time(tmp_path: Path) -> None:
    (path := tmp_path / "x.csv").write_text("path\n" + '5","""\n' * 3000)  # each leaves its quotes open
    bad: list[int] = []
    assert rows(path, "path", bad=lambda line, fault: bad.append(line)) == []
    assert bad == [*range(2, 3002)]
