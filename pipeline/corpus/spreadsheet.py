"""Tables that users write: CSV with a header, as spreadsheets export it."""

import codecs
import csv
import itertools
import re
import stat
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from pipeline import names
from pipeline.console.text import brief
from pipeline.errors import CorpusError

SEPARATORS = ",;\t"
MAX_ROW_LINES = 100  # of a row whose cells hold line breaks
Bad = Callable[[int, str], None]  # takes the number of a line that can't be used, and what is wrong with it


class Table:
    """A table in UTF-8 or UTF-16, with any line ends, whose cells are separated by commas, semicolons or tabs.

    Parameters
    ----------
    name, remedy
        Beginning and end of every message: the table as the user knows it, and what to do.
    bad
        Called with every line that can't be used; by default, such a line is a CorpusError.
    tabs
        The table was published: tabs separate the cells, and quotes are characters like any other.
    width
        Cells per line; by default, as many as in the first one.
    """

    def __init__(
        self, path: Path, name: str, remedy: str, bad: Bad | None = None, tabs: bool = False, width: int = 0
    ) -> None:
        self._path, self._name, self._remedy, self._tabs = path, name, remedy, tabs
        self._bad = bad or self._refuse_line
        self._separator, self._width = "", width

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
        header, last = list[str](), 0
        for line, cells in self.lines():
            if not header:
                header = columns(cells, {*required, *optional, *numbers})
                if fault := _fault(header, required):
                    raise self._refusal(fault)
                last = max(map(header.index, required))
            elif self.reaches(last, line, cells):
                row = dict(zip(header, [*cells, *[""] * len(header)], strict=False))
                row.pop("", None)
                if self._separator != ",":
                    row |= {name: row[name].replace(",", ".") for name in numbers if name in row}
                yield line, row
        if not header:
            raise self._refusal("is empty")

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

    def reaches(self, last: int, line: int, cells: Sequence[str]) -> bool:
        """Tell if a line has the cell at index `last`; otherwise, it is bad."""
        if len(cells) <= last:
            self._bad(line, f"is short: it has {len(cells)} cells and the header {self._width}; {self._fix}")
        return len(cells) > last

    @property
    def _fix(self) -> str:
        return self._remedy if self._tabs else "complete it, and quote cells that hold commas, semicolons or tabs"

    def _lines(self, text: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        first, line = next(((number, line) for number, line in enumerate(text, 1) if not _is_blank([line])), (1, ""))
        named = re.fullmatch(r'"?sep=(.)"?\s*', line)  # for Excel
        self._separator = "\t" if self._tabs else named[1] if named else _separator(line)
        for number, whole, cells, mistake in _records(itertools.chain([line], text), self._separator, self._tabs):
            if _is_blank(cells) or (named and number == 1):
                continue
            if not (fault := mistake or self._fault_of(whole, cells)):
                self._width = self._width or len(cells)
                yield first - 1 + number, cells
            elif self._width:
                self._bad(first - 1 + number, fault)
            else:
                raise self._refusal(f"line {first - 1 + number} {fault}")

    def _fault_of(self, whole: str, cells: Sequence[str]) -> str:
        if not whole.isascii() and any("\udc80" <= character <= "\udcff" for character in whole):
            return "is not in UTF-8; export the table as CSV in UTF-8"
        if 0 < self._width < len(cells) and not _is_blank(cells[self._width :]):
            return f"is long: it has {len(cells)} cells and the header {self._width}; {self._fix}"
        if len(cells) < self._width and not whole.endswith("\n"):
            return f"is cut off: it has {len(cells)} cells and the header {self._width}; {self._fix}"
        return ""

    def _refusal(self, fault: str) -> CorpusError:
        return CorpusError(f"{self._name} {fault}; {self._remedy}")

    def _refuse_line(self, line: int, fault: str) -> None:
        raise self._refusal(f"line {line} {fault}")


def columns(cells: Sequence[str], known: Collection[str]) -> list[str]:
    """The names of columns without space around them; the case of known ones is theirs.

    >>> columns(["Path", " speaker ", "Said"], {"path", "speaker"})
    ['path', 'speaker', 'Said']
    """
    header = [names.normal(cell) for cell in cells]
    own = {name.casefold(): name for name in known if name not in header}
    return [own.get(name.casefold(), name) for name in header]


def _records(text: Iterator[str], separator: str, tabs: bool) -> Iterator[tuple[int, str, list[str], str]]:
    """Number of the first line, and text, cells and fault, of every record: a line, or more if quotes hold breaks."""
    number, ahead, taken = 1, deque[str](), list[str]()

    def take() -> Iterator[str]:
        while len(taken) < MAX_ROW_LINES and (line := ahead.popleft() if ahead else next(text, "")):
            taken.append(line)
            yield line

    while True:
        taken.clear()
        cells, fault = list[str](), ""
        try:
            if tabs:
                cells = next(take()).rstrip("\n").split("\t")
            else:
                cells = next(csv.reader(take(), delimiter=separator, strict=True))
        except StopIteration:
            return
        except csv.Error as error:  # the quotes of this line; the following lines may be fine
            ahead.extendleft(reversed(taken[1:]))
            del taken[1:]
            cells, fault = taken[:], f"is not CSV ({error}); correct its quotes"
        yield number, "".join(taken), cells, fault
        number += len(taken)


def _separator(line: str) -> str:
    """The character that separates most cells of a line."""
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([line], delimiter=mark))))


def _is_blank(cells: Sequence[str]) -> bool:
    return not "".join(cells).strip(' \t\r\n",;')


def _fault(header: Sequence[str], required: Sequence[str]) -> str | None:
    if missing := [column for column in required if column not in header]:
        return f"has no column {' nor '.join(missing)} (its first line: {brief(', '.join(header))})"
    for column, count in Counter(header).items():
        if column and count > 1:
            return f"has {count} columns {brief(column)}"
        if not column.isprintable():
            return f"has a column {brief(column)}, whose name can't be printed"
    return None
