"""Tables that users write: CSV in UTF-8 with a header, exported by any program and read strictly."""

import csv
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.console.text import brief
from pipeline.errors import CorpusError


def scan(
    path: Path, required: Sequence[str], name: str, remedy: str, tabs: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a table with a header row by row; blank lines are skipped.

    Parameters
    ----------
    required
        Columns that the table must have. Space around the names of columns is ignored.
    name, remedy
        Beginning and end of every message: the table as the user knows it, and what to do.
    tabs
        As for `lines`.

    Yields
    ------
    int, dict of str to str
        The line on which a row ends, and its unaltered cells by column; columns without a name are skipped.

    Raises
    ------
    CorpusError
        As `lines`, or if columns are missing or named twice.
    """
    header: list[str] | None = None
    for line, cells in lines(path, name, remedy, tabs):
        if header is None:
            header = [" ".join(column.split()) for column in cells]
            if fault := _fault(header, required):
                raise CorpusError(f"{name} {fault}; {remedy}")
        elif cells:
            row = dict(zip(header, cells, strict=True))
            row.pop("", None)
            yield line, row
    if header is None:
        raise CorpusError(f"{name} {_fault([], required)}; {remedy}")


def lines(path: Path, name: str, remedy: str, tabs: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Read the cells of a table line by line; as many as in the first line, or none in a blank line.

    Parameters
    ----------
    tabs
        Tabs separate the cells, and quotes are characters like any other.

    Raises
    ------
    CorpusError
        If the file is missing or is not such a table in UTF-8, or if a row is longer or shorter than the first.
    """
    kind = "TSV" if tabs else "CSV"
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO would wait for a writer
            raise CorpusError(f"{name} is not a file; {remedy}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = (
                csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
                if tabs
                else csv.reader(file, strict=True)
            )
            width = None
            for cells in rows:
                width = len(cells) if width is None else width
                if cells and len(cells) != width:
                    length = "short" if len(cells) < width else "long"
                    raise CorpusError(
                        f"{name} line {rows.line_num} is {length}: it has {len(cells)} cells and the header "
                        f"{width}; complete it, and quote cells that hold commas"
                    )
                yield rows.line_num, cells
    except csv.Error as error:
        raise CorpusError(f"{name} line {rows.line_num} is not {kind} ({error}); {remedy}") from error
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise CorpusError(f"{name} can't be read ({reason}); {remedy}") from error


def _fault(header: Sequence[str], required: Sequence[str]) -> str | None:
    if not header:
        return "is empty or begins with a blank line"
    if missing := [column for column in required if column not in header]:
        return f"has no column {' nor '.join(missing)}"
    for column, count in Counter(header).items():
        if column and count > 1:
            return f"has {count} columns {brief(column)}"
        if not column.isprintable():
            return f"has a column {brief(column)}, whose name can't be printed"
    return None
