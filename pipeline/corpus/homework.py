"""The homework layout: WAV files in one folder with anonymous names, and a CSV of file and integer label.

`corpus.labels` gives the language of each integer. Nobody says who speaks.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline import params
from pipeline.corpus import speakers
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import Files, escaped, is_file, names_in, on_disk, quoted
from pipeline.corpus.spreadsheet import Bad, Table, columns
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
        found, lines = Files(root), Table(root / table, "", "", lambda line, fault: None).lines()
        for _, cells in islice(lines, FIRST_LINES):
            files = [cell for cell in cells if "/" not in cell and is_file(root / _find(found, root, cell.strip()))]
            if files and any(cell.strip().isdecimal() for cell in cells):
                return f"it holds {escaped(table)} with files and integers"
    return None


def _find(files: Files, root: Path, file: str) -> str:
    """The name of a file on disk, whose ending the table may leave out."""
    return next((path for path in map(files.find, (file, file + ENDING)) if is_file(root / path)), file)


def _table(root: Path) -> str:
    """Name of the table: labels.csv, or the only CSV in the folder."""
    tables = [name for name in names_in(root) if name.lower().endswith(".csv")]
    return tables[0] if len(tables) == 1 else LABELS


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the files that the table labels."""
    listed = corpus.table or _table(root)
    name = escaped(str(root / listed))
    unknown = sorted(set(corpus.labels.values()) - set(corpus.languages))
    if unknown:
        raise CorpusError(f"corpus.labels names {unknown[0]!r}, which is none of corpus.languages; add it there")
    collector = Collector(root, corpus)
    speaker_of = speakers.lookup_if_any(corpus, collector)
    for line, file, label in _rows(on_disk(root, listed), name, corpus, collector.bad(listed)):
        path = _find(collector.files, root, collector.files.written(file))
        try:
            number = int(label)
        except ValueError:
            number = -1
        if number not in corpus.labels:
            known = ", ".join(f"{key} {value}" for key, value in corpus.labels.items())
            detail = f"has the label {label[:20]!r} in line {line}, which is none of corpus.labels ({known})"
            collector.reject(path, AudioError("label", f"{detail}; correct one of them", Path(path)))
            continue
        if language := collector.language(corpus.labels[number]):
            collector.add(path, language, speaker_of(path), where=f"{name} line {line}")
    return collector.listing()


def _rows(path: Path, name: str, corpus: params.Corpus, bad: Bad) -> Iterator[tuple[int, str, str]]:
    """Line, file and label of every row; the header is optional."""
    file, label = corpus.columns.get(FILE, FILE), corpus.columns.get(LABEL, LABEL)
    remedy = f"corpus.layout 'homework' needs it, as CSV in UTF-8 with the columns {file}, {label}"
    table = Table(path, name, remedy, bad)
    places = None
    for line, cells in table.lines():
        if places is None:
            header = columns(cells, {file, label})
            if file in header and label in header:
                places = header.index(file), header.index(label)
                continue
            if len(cells) < 2 or not cells[1].strip().lstrip("-").isdecimal():
                raise CorpusError(
                    f"{name} has neither a header with {file} and {label} nor an integer in its second "
                    f"cell ({quoted(','.join(cells))}); correct it, or name its columns in corpus.columns"
                )
            places = 0, 1
        if table.reaches(max(places), line, cells):
            yield line, cells[places[0]].strip(), cells[places[1]].strip()
    if places is None:
        raise CorpusError(f"{name} is empty; {remedy}")
