"""Read and write the CSV files between stages, whose rows are in pipeline/rows.py."""

import csv
import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline import checksums, files
from pipeline.errors import ArtifactError
from pipeline.rows import RecordingRow, SplitRow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RowWithLanguage = TypeVar("RowWithLanguage", RecordingRow, SplitRow)
Row = TypeVar("Row", bound="DataclassInstance")  # of pipeline/rows.py


def write(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows of one kind as CSV, header first; tuples and dicts are JSON, but each key of `extra` is a column."""
    names = [field.name for field in dataclasses.fields(kind)]
    extra: list[str] = []
    if "extra" in names:
        names.remove("extra")
        rows = list(rows)
        extra = sorted({key for row in rows for key in getattr(row, "extra", {})})
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in itertools.chain([names + extra], (_cells(row, names, extra) for row in rows)):
            # A carriage return ends a line for readers, but csv does not quote a cell for it.
            (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)


def _cells(row: object, names: Iterable[str], extra: Iterable[str]) -> list[str]:
    values, carried = (getattr(row, name) for name in names), getattr(row, "extra", {})
    plain = (json.dumps(value, sort_keys=True) if isinstance(value, tuple | dict) else str(value) for value in values)
    return [*plain, *(carried.get(key, "") for key in extra)]


def of_languages(path: Path, kind: type[RowWithLanguage], languages: Iterable[str]) -> list[RowWithLanguage]:
    """Read rows that must hold exactly these languages; ArtifactError if they hold others."""
    rows = read(path, kind)
    require_languages(path, {row.language for row in rows}, languages)
    return rows


def require_languages(path: Path, found: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse the output of an earlier stage for other languages; ArtifactError."""
    is_of, should_be = ", ".join(sorted(found)), ", ".join(sorted(wanted))
    if is_of != should_be:
        raise ArtifactError(f"{path} is for the languages {is_of or 'none'}, not for {should_be}; {checksums.REMEDY}")


def read(path: Path, kind: type[Row], sealed: bool = True) -> list[Row]:
    """Read a file that `write` wrote; ArtifactError as for `scan`."""
    return list(scan(path, kind, sealed))


def scan(path: Path, kind: type[Row], sealed: bool = True) -> Iterator[Row]:
    """Read a file that `write` wrote, row by row; `sealed` as for `checksums.read`.

    Raises
    ------
    ArtifactError
        If the file is missing or damaged, lacks a column or holds a value of another type.
    """
    adapter, names = TypeAdapter(kind), [field.name for field in dataclasses.fields(kind) if field.name != "extra"]
    text = io.TextIOWrapper(io.BytesIO(checksums.read(path, sealed=sealed)), encoding="utf-8", newline="")
    try:
        lines = csv.reader(text, strict=True)
        header = next(lines, [])
        if missing := [name for name in names if name not in header]:
            raise ArtifactError(f"{path} has no column {', '.join(missing)}; {checksums.REMEDY}")
        for cells in lines:
            try:
                # Names are the same in many rows: one string for all saves half of the memory.
                line: dict[str, Any] = dict(zip(header, map(sys.intern, cells), strict=True))
                row = adapter.validate_python({name: line.pop(name) for name in names} | {"extra": line})
            except ValueError as error:
                first: Any = error.errors()[0] if isinstance(error, ValidationError) else {}
                why = f"{first['loc'][0]} is {first['input']!r}: {first['msg']}" if first else error
                where = f"{path} line {lines.line_num}"
                raise ArtifactError(f"{where} does not fit its columns ({why}); {checksums.REMEDY}") from error
            yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArtifactError(f"{path} can't be read ({error}); {checksums.REMEDY}") from error
