"""The homework layout: WAV files in one folder with anonymous names, and a CSV of file and integer label.

`corpus.labels` gives the language of each integer. Nobody says who speaks.
"""

from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline.console.text import shorten
from pipeline.corpus import mirrors
from pipeline.corpus.collector import Collector
from pipeline.corpus.paths import Files, escaped, is_file, names_in
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import AudioError, CorpusError

LABELS = "labels.csv"
FILE, LABEL = "file", "label"
FIRST_LINES = 5  # one of which tells if a table is of this layout: there may be a header, and bad lines
ENDING = ".wav"  # may be left out in the table


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    table = _table(root)
    if not is_file(root / table):
        return None
    with suppress(CorpusError):
        found, lines = Files(root), Table(mirrors.loaded(root / table), "", "", lambda line, fault: None).lines()
        for _, cells in islice(lines, FIRST_LINES):
            files = [cell for cell in cells if "/" not in cell and is_file(root / _find(found, root, cell.strip()))]
            if files and any(cell.strip().isdecimal() for cell in cells):
                return f"it holds {escaped(table)} with files and integers"
    return None


def read(collector: Collector) -> None:
    """List the files that the table labels."""
    corpus = collector.corpus
    if unknown := sorted(set(corpus.labels.values()) - set(corpus.languages)):
        known = shorten(", ".join(corpus.languages))
        raise CorpusError(
            f"corpus.labels names {unknown[0]!r}; write it as in corpus.languages ({known}), or add it there"
        )
    file, label = corpus.columns.get(FILE, FILE), corpus.columns.get(LABEL, LABEL)
    listed = corpus.table or _table(collector.root)
    remedy = f"corpus.layout 'homework' needs it, as CSV in UTF-8 with the columns {file}, {label}"
    table = collector.table(listed, remedy)
    _, first = next(table.lines(), (0, []))
    if len(first) > 1 and first[1].strip().lstrip("-").isdecimal():  # there is no header
        table = collector.table(listed, remedy, header=[file, label, *[""] * (len(first) - 2)])
    for line, row in table.rows((file, label)):
        path = _find(collector.files, collector.root, collector.files.written(row[file].strip()))
        text = row[label].strip()
        language = corpus.labels.get(int(text)) if text.isdecimal() else None
        if language is None:
            known = ", ".join(f"{key} {value}" for key, value in corpus.labels.items())
            detail = f"has the label {text[:20]!r} in line {line}, which is not in corpus.labels ({known})"
            collector.reject(path, AudioError("label", f"{detail}; correct one of them"))
        else:
            collector.add(path, language, where=f"{table.name} line {line}")


def _find(files: Files, root: Path, file: str) -> str:
    """Return the name of a file on disk, whose ending the table may leave out."""
    return next((path for path in map(files.find, (file, file + ENDING)) if is_file(root / path)), file)


def _table(root: Path) -> str:
    """Return the name of the table: labels.csv, or the only CSV in the folder."""
    tables = [name for name in names_in(root) if name.lower().endswith(".csv")]
    return tables[0] if len(tables) == 1 else LABELS
