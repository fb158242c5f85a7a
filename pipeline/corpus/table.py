"""The table layout: metadata.csv in `corpus.root` with the columns path (relative to it), language and speaker.

Optional columns: group (recordings cut from one source share it) and any other, which is carried along to
ingest/recordings.csv unless a column there has its name already.
"""

import dataclasses
import functools
import posixpath
import sys
from collections import Counter
from pathlib import Path

from pipeline import params
from pipeline.corpus import spreadsheet
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.files import SHOWN, Files, printable, require_printable
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import RecordingRow, RejectedRow

TABLE = "metadata.csv"
REQUIRED = ("path", "language", "speaker")
TAKEN = {field.name for field in dataclasses.fields(RecordingRow)} - {"extra"}


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the rows of metadata.csv whose language is one of `corpus.languages`."""
    name = printable(str(root / TABLE))
    remedy = f"corpus.layout 'table' needs it, as CSV in UTF-8 with the columns {', '.join(REQUIRED)}"
    entries, rejected, left_out = [], [], Counter[str]()
    listed: set[str] = set()
    files = Files(root)
    for line, row in spreadsheet.scan(root / TABLE, REQUIRED, name, remedy):
        language = _one_line(row["language"])
        if language.isprintable() and language not in corpus.languages:
            left_out[language[:SHOWN]] += 1
            continue
        try:
            entry = _entry(row, language, files)
        except AudioError as error:
            rejected.append(RejectedRow(printable(row["path"].strip()), error.reason, str(error)))
            continue
        if entry.path in listed:  # ./a.wav is a.wav
            raise CorpusError(f"{name} line {line} lists {entry.path!r} again; list every recording once")
        listed.add(entry.path)
        entries.append(entry)
    return Listing(entries, rejected, dict(left_out))


def _entry(row: dict[str, str], language: str, files: Files) -> Entry:
    """The recording of a row; AudioError if it can't be used."""
    path = row["path"].strip()
    normal = posixpath.normpath(path)
    if not path or normal.startswith(("/", "../")) or normal == "..":
        raise AudioError("outside", "is not a path below corpus.root; write it relative to that folder")
    stamp = files.stamp(normal)
    speaker, group = sys.intern(_one_line(row["speaker"])), sys.intern(_one_line(row.get("group", "")))
    require_printable(language=language, speaker=speaker, group=group)
    if not speaker:
        raise AudioError("no_speaker", "has no speaker; write one, so that no voice is both trained and tested on")
    extra = _extra(tuple((key, text) for key, text in row.items() if key not in TAKEN))
    return Entry(normal, sys.intern(language), speaker, group, extra, stamp)


@functools.lru_cache(1024)  # a million recordings share what they have in common
def _extra(cells: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {key: _readable(text) for key, text in cells}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _readable(text: str) -> str:
    """A text that is only carried along, on one line and without what can't be printed."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return _one_line(text)
