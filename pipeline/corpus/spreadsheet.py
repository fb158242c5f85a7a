"""Tables that users and publishers write: CSV as spreadsheets export it, cells between tabs, keys with their values."""

import codecs
import csv
import itertools
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pipeline import names
from pipeline.console.text import brief
from pipeline.errors import CorpusError

SEPARATORS = ",;\t"
MAX_ROW_LINES = 100  # of a row whose cells hold line breaks
Bad = Callable[[int, str], None]  # takes the number of a line that can't be used, and what is wrong with it
Style = Literal["csv", "tabs", "pairs"]


class Table:
    """A table in UTF-8 or UTF-16, with any line ends.

    Parameters
    ----------
    name, remedy
        Beginning and end of every message: the table as the user knows it, and what to do.
    bad
        Called with every line that can't be used; by default, such a line is a CorpusError.
    style
        csv: cells are separated by commas, semicolons or tabs; tabs: by tabs, and quotes are characters like any other;
        pairs: a line holds a key and, after spaces, its value.
    header
        Names of the columns of a table that has no header.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        remedy: str,
        bad: Bad | None = None,
        *,
        style: Style = "csv",
        header: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._path, self._remedy, self._style, self._header = path, remedy, style, header
        self._bad = bad or self._refuse_line
        self._separator, self._width = "\t", len(header)

    def rows(
        self, required: Sequence[str], optional: Collection[str] = (), numbers: Collection[str] = ()
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Read the table row by row.

        Parameters
        ----------
        required
            Columns that the table must have.
        optional, numbers
            Further columns whose names may be written in any case, as those of `required`. A decimal comma of `numbers`
            becomes a point, unless commas separate the cells.

        Yields
        ------
        int, dict of str to str
            The line on which a row begins, and its cells by column; columns without a name are skipped.

        Raises
        ------
        CorpusError
            If the table can't be read, or columns are missing or named twice.
        """
        lines, header = self.lines(), list(self._header)
        if not header:
            _, cells = next(lines, (0, []))
            header = [names.normal(cell) for cell in cells]
            known = {name.casefold(): name for name in {*required, *optional, *numbers} - {*header}}
            header = [known.get(name.casefold(), name) for name in header]
            if fault := _fault(header, required):
                raise self._refusal(fault)
        last = max(map(header.index, required))
        for line, cells in lines:
            if len(cells) <= last:
                self._bad(line, self._miscounted("short", cells))
            else:
                row = dict(itertools.zip_longest(header, cells[: len(header)], fillvalue=""))
                row.pop("", None)
                if self._separator != ",":
                    row |= {name: row[name].replace(",", ".") for name in numbers if name in row}
                yield line, row

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Read the cells of all lines but empty ones, each with its number; CorpusError if the table can't be read."""
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):  # opening a FIFO would wait for a writer
                raise self._refusal("is not a file")
            with self._path.open("rb") as file:
                head = file.read(4)
            if head == b"PK\3\4":
                raise self._refusal("is a workbook, not a text; export it as CSV in UTF-8")
            encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
            with self._path.open(encoding=encoding, errors="surrogateescape") as text:
                yield from self._lines(text)
        except (OSError, ValueError, csv.Error) as error:  # ValueError: not UTF-16, or a NUL in the path
            reason = error.strerror if isinstance(error, OSError) else error
            raise self._refusal(f"can't be read ({reason})") from error

    def _lines(self, text: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        first, line = next(((number, line) for number, line in enumerate(text, 1) if not _is_blank([line])), (1, ""))
        named = re.fullmatch(r'"?sep=(.)"?\s*', line)  # for Excel
        if self._style == "csv":  # the mark that separates most cells
            marks = named[1] if named else SEPARATORS
            self._separator = max(marks, key=lambda mark: len(next(csv.reader([line], delimiter=mark))))
        rest = text if named else itertools.chain([line], text)
        for number, whole, cells, mistake in self._records(rest, first + bool(named)):
            if _is_blank(cells):
                continue
            if not (fault := mistake or self._fault_of(whole, cells)):
                self._width = self._width or len(cells)
                yield number, cells
            elif self._width:
                self._bad(number, fault)
            else:
                self._refuse_line(number, fault)

    def _records(self, text: Iterator[str], number: int) -> Iterator[tuple[int, str, list[str], str]]:
        """Yield number, text, cells and fault of every record: one line, or more if quotes hold line breaks."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self._style == "csv" else csv.QUOTE_NONE
        ahead = list[str]()
        while ahead := [*ahead, *itertools.islice(text, MAX_ROW_LINES - len(ahead))]:
            reader = csv.reader(ahead, delimiter=self._separator, quoting=quoting, strict=True)
            cells, fault, count = ahead[:1], "", 1
            try:
                cells = ahead[0].split(maxsplit=1) if self._style == "pairs" else next(reader)
                count = reader.line_num or 1
            except csv.Error as error:  # the quotes of this line; the following lines may be fine
                fault = f"is not CSV ({error}); correct its quotes"
            yield number, "".join(ahead[:count]), cells, fault
            number += count
            del ahead[:count]

    def _fault_of(self, whole: str, cells: Sequence[str]) -> str:
        if not whole.isascii() and any("\udc80" <= character <= "\udcff" for character in whole):
            return f"is not in UTF-8; {self._fix('export the table as CSV in UTF-8')}"
        if 0 < self._width < len(cells) and not _is_blank(cells[self._width :]):
            return self._miscounted("long", cells)
        if len(cells) < self._width and not whole.endswith("\n"):
            return self._miscounted("cut off", cells)
        return ""

    def _miscounted(self, how: str, cells: Sequence[str]) -> str:
        fix = self._fix("complete it, and quote cells that hold commas, semicolons or tabs")
        return f"is {how}: it has {len(cells)} cells and the header {self._width}; {fix}"

    def _fix(self, of_csv: str) -> str:
        return of_csv if self._style == "csv" else self._remedy

    def _refusal(self, fault: str) -> CorpusError:
        return CorpusError(f"{self.name} {fault}; {self._remedy}")

    def _refuse_line(self, line: int, fault: str) -> None:
        raise self._refusal(f"line {line} {fault}")


def _is_blank(cells: Sequence[str]) -> bool:
    return not "".join(cells).strip(' \t\r\n",;')


def _fault(header: Sequence[str], required: Sequence[str]) -> str | None:
    if not header:
        return "is empty"
    if missing := [column for column in required if column not in header]:
        return f"has no column {' nor '.join(missing)} (its first line: {brief(', '.join(header))})"
    for column, count in Counter(header).items():
        if column and count > 1:
            return f"has {count} columns {brief(column)}"
        if not column.isprintable():
            return f"has a column {brief(column)}, whose name can't be printed"
    return None
