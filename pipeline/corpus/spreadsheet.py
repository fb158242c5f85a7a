"""Tables that users write: CSV in UTF-8 with a header, exported by any program and read strictly."""

import csv
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.corpus.paths import quoted
from pipeline.errors import CorpusError


def scan(path: Path, required: Sequence[str], name: str, remedy: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a table row by row; blank lines are skipped.

    Parameters
    ----------
    required
        Columns that the table must have. Space around the names of columns is ignored.
    name, remedy
        Beginning and end of every message: the table as the user knows it, and what to do.

    Yields
    ------
    int, dict of str to str
        The line on which a row ends, and its unaltered cells by column; columns without a name are skipped.

    Raises
    ------
    CorpusError
        If the file is missing or is not CSV in UTF-8, if columns are missing or named twice, or if a row has more or
        fewer cells than the header.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO would wait for a writer
            raise CorpusError(f"{name} is not a file; {remedy}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [" ".join(column.split()) for column in next(rows, [])]
            if fault := _fault(header, required):
                raise CorpusError(f"{name} {fault}; {remedy}")
            for cells in rows:
                if cells and len(cells) != len(header):
                    length = "short" if len(cells) < len(header) else "long"
                    raise CorpusError(
                        f"{name} line {rows.line_num} is {length}: it has {len(cells)} cells and the header "
                        f"{len(header)}; complete it, and quote cells that hold commas"
                    )
                if cells:
                    row = dict(zip(header, cells, strict=True))
                    row.pop("", None)
                    yield rows.line_num, row
    except csv.Error as error:
        raise CorpusError(f"{name} line {rows.line_num} is not CSV ({error}); {remedy}") from error
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
            return f"has {count} columns {quoted(column)}"
        if not column.isprintable():
            return f"has a column {quoted(column)}, whose name can't be printed"
    return None
