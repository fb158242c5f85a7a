"""The table layout: metadata.csv in `corpus.root` with the columns path (relative to it), language and speaker.

Optional columns: group (recordings cut from one source share it) and any other, which is carried along to
ingest/recordings.csv unless a column there has its name already.
"""

import csv
import dataclasses
import posixpath
from collections import Counter
from pathlib import Path, PurePosixPath

from pipeline import params
from pipeline.corpus import Entry, Listing, inside
from pipeline.errors import CorpusError
from pipeline.tables import Recording, Rejected

TABLE = "metadata.csv"
NO_SPEAKER = ("no_speaker", "has no speaker; write one, so that no voice is both trained and tested on")
REQUIRED = ("path", "language", "speaker")
TAKEN = {field.name for field in dataclasses.fields(Recording)} - {"extra"}


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the rows of metadata.csv whose language is one of `corpus.languages`."""
    entries, rejected, left_out = [], [], Counter[str]()
    listed: set[str] = set()
    for number, row in _rows(root / TABLE):
        path = row["path"].strip()
        language, speaker = (" ".join(row[name].split()) for name in ("language", "speaker"))
        if language not in corpus.languages:
            left_out[language] += 1
        elif reason := _fault(root, path, speaker):
            rejected.append(Rejected(path if path.isprintable() else ascii(path), *reason))
        elif (path := posixpath.normpath(path)) in listed:  # ./a.wav is a.wav
            raise CorpusError(f"{root / TABLE} line {number} lists {path!r} again; list every recording once")
        else:
            listed.add(path)
            extra = {key: " ".join((value or "").split()) for key, value in row.items() if key and key not in TAKEN}
            entries.append(Entry(path, language, speaker, " ".join((row.get("group") or "").split()), extra))
    return Listing(entries, rejected, dict(left_out))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows by the number of the line on which they end."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} can't be read ({error}); corpus.layout 'table' needs it, as CSV in UTF-8") from None
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or [])]
    if missing:
        raise CorpusError(f"{path} has no column {' nor '.join(missing)}; it needs {', '.join(REQUIRED)}")
    for number, row in rows:
        if any(row[name] is None for name in REQUIRED):
            raise CorpusError(f"{path} line {number} is short of a path, a language or a speaker; complete it")
    return rows


def _fault(root: Path, path: str, speaker: str) -> tuple[str, str] | None:
    """Why a row can't be used: reason code and sentence."""
    try:
        return _place(root, path) or (None if speaker else NO_SPEAKER)
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a link to itself
        return "missing", "can't be opened by that name; correct it or remove its row"


def _place(root: Path, path: str) -> tuple[str, str] | None:
    if not path.isprintable():
        return "name", "has a name that can't be printed; rename it"
    if not path or PurePosixPath(path).is_absolute() or not inside(root, root / path):
        return "outside", "is not a path below corpus.root; write it relative to that folder"
    if not (root / path).is_file():
        return "missing", "is listed but there is no such file; restore it or remove its row"
    return None
