"""Tables: rows survive a round trip, and a bad row is reported with its file and line."""

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import checksums, tables
from pipeline.corpus.entries import Entry
from pipeline.errors import ArtifactError, Reason
from pipeline.rows import AnswerRow, EpochRow, RecordingRow, RejectedRow, SequenceRow, SpanRow, SplitRow

KINDS = [Entry, RecordingRow, RejectedRow, SpanRow, SplitRow, SequenceRow, EpochRow, AnswerRow]
# Lone surrogates are not text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["a,b", '"', '""', "a\nb", "a\r\nb", "\r", "a\rb", "हिन्दी", "普通话", " x ", "'", "=1", "\ufeff", "\u2028", "\x00"]
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(),
    float: st.floats(allow_nan=False),
    Reason: st.sampled_from(get_args(Reason)),
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),  # as JSON
    dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=3),
}
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def rows_of(draw: st.DrawFn, kind: type[Any]) -> list[Any]:
    types = get_type_hints(kind)
    fields = {name: VALUES[types[name]] for name in types if name != "extra"}
    if "extra" in types:
        names = draw(st.sets(TEXT.filter(lambda name: name and name not in types), max_size=3))
        fields["extra"] = st.fixed_dictionaries(dict.fromkeys(names, TEXT))
    return draw(st.lists(st.builds(kind, **fields), max_size=4))


@pytest.mark.parametrize("kind", KINDS)
@RELAXED
@given(data=st.data())
def test_rows_are_read_as_they_were_written(tmp_path: Path, kind: type[Any], data: st.DataObject) -> None:
    rows = data.draw(rows_of(kind))
    tables.write(tmp_path / "new" / "table.csv", kind, rows)
    assert tables.read(tmp_path / "new" / "table.csv", kind, sealed=False) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_the_header_is_the_fields_in_their_order(tmp_path: Path, kind: type[Any]) -> None:
    tables.write(tmp_path / "table.csv", kind, [])
    names = [field.name for field in dataclasses.fields(kind) if field.name != "extra"]
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == ",".join(names) + "\n"


@pytest.mark.parametrize(
    ("kind", "text", "parts"),
    [
        (SpanRow, "recording,start,end\na,1\n", ["line 2"]),
        *((SpanRow, f"recording,start,end\na,1,2\nb,3,{value}\n", ["line 3", repr(value)])
          for value in ("many", "1.5", "", "１a")),
        (RejectedRow, "path,reason,detail\na,silent,\nb,bored,\n", ["line 3", "'bored'"]),
        (AnswerRow, "actual,predicted\nenglish\n", ["line 2"]),
        (SpanRow, "", ["has no column recording, start, end"]),
        (SpanRow, "recording,start\n", ["has no column end"]),
        (SpanRow, 'recording,start,end\n"a\nb",1,2\nc,3,x\n', ["line 4"]),
        (SpanRow, "recording,start,end\n\udcff,1,2\n", ["can't be read"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_reported_with_its_line(
    tmp_path: Path, kind: type[Any], text: str, parts: list[str]
) -> None:
    (tmp_path / "table.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ArtifactError) as error:
        tables.read(tmp_path / "table.csv", kind, sealed=False)
    assert [part for part in (f"{tmp_path}/table.csv", *parts) if part not in str(error.value)] == []
    assert "\n" not in str(error.value)


def test_a_missing_or_damaged_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"can't be read .* `dvc repro`"):
        tables.read(tmp_path / "spans.csv", SpanRow, sealed=False)
    tables.write(tmp_path / "spans.csv", SpanRow, [SpanRow("a", 1, 2)])
    checksums.seal(tmp_path)
    assert tables.read(tmp_path / "spans.csv", SpanRow) == [SpanRow("a", 1, 2)]
    tables.write(tmp_path / "spans.csv", SpanRow, [SpanRow("a", 1, 3)])
    with pytest.raises(ArtifactError, match=r"spans\.csv is not the file that SHA256SUMS next to it describes"):
        tables.read(tmp_path / "spans.csv", SpanRow)
