"""Read and write the CSV files between stages, whose rows are in pipeline/rows.py."""

import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from pipeline import checksums, files
from pipeline.errors import ArtifactError
from pipeline.rows import RecordingRow, SplitRow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RowWithLanguage = TypeVar("RowWithLanguage", RecordingRow, SplitRow)
Row = TypeVar("Row", bound="DataclassInstance")  # of pipeline/rows.py


def write(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows of one kind as CSV, header first."""
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
    carried = getattr(row, "extra", {})
    return [*(str(getattr(row, name)) for name in names), *(carried.get(key, "") for key in extra)]


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
    types = {name: _parser(hint) for name, hint in get_type_hints(kind).items()}
    carries = types.pop("extra", None) is not None
    text = io.TextIOWrapper(io.BytesIO(checksums.read(path, sealed=sealed)), encoding="utf-8", newline="")
    try:
        lines = csv.reader(text, strict=True)
        header = next(lines, [])
        if missing := [name for name in types if name not in header]:
            raise ArtifactError(f"{path} has no column {', '.join(missing)}; {checksums.REMEDY}")
        for cells in lines:
            try:
                line = dict(zip(header, cells, strict=True))
                values: dict[str, Any] = {name: parse(line.pop(name)) for name, parse in types.items()}
            except ValueError as error:
                where = f"{path} line {lines.line_num}"
                raise ArtifactError(f"{where} does not fit its columns ({error}); {checksums.REMEDY}") from error
            if carries:
                values["extra"] = line
            yield kind(**values)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArtifactError(f"{path} can't be read ({error}); {checksums.REMEDY}") from error


def _parser(kind: Any) -> Callable[[str], Any]:
    """The function that reads a cell of a type; ValueError if a cell has no such value."""
    allowed = get_args(kind)  # of a Literal

    def choose(cell: str) -> str:
        if cell not in allowed:
            raise ValueError(f"{cell!r} is not one of {', '.join(allowed)}")
        return cell

    return choose if allowed else kind
