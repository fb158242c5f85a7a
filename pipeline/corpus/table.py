"""The table layout: metadata.csv in `corpus.root` with the columns path (relative to the root), language and speaker.

The column group is optional: recordings cut from one source share a group. Other columns are copied to
ingest/recordings.csv unless it has a column of that name already.
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
from pipeline.corpus.paths import MAX_NAME_CHARACTERS, Files, escaped, require_printable
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import RecordingRow, RejectedRow

METADATA = "metadata.csv"
REQUIRED = ("path", "language", "speaker")
TAKEN = {field.name for field in dataclasses.fields(RecordingRow)} - {"extra"}


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the rows of metadata.csv whose language is one of `corpus.languages`."""
    name = escaped(str(root / METADATA))
    remedy = f"corpus.layout 'table' needs it, as CSV in UTF-8 with the columns {', '.join(REQUIRED)}"
    entries, rejected, skipped = [], [], Counter[str]()
    listed: set[str] = set()
    files = Files(root)
    for line, row in spreadsheet.scan(root / METADATA, REQUIRED, name, remedy):
        language = _one_line(row["language"])
        if language.isprintable() and language not in corpus.languages:
            skipped[language[:MAX_NAME_CHARACTERS]] += 1
            continue
        try:
            entry = _entry(row, language, files)
        except AudioError as error:
            rejected.append(RejectedRow(escaped(row["path"].strip()), error.reason, error.detail))
            continue
        if entry.path in listed:  # ./a.wav is a.wav
            raise CorpusError(f"{name} line {line} lists {entry.path!r} again; list every recording once")
        listed.add(entry.path)
        entries.append(entry)
    return Listing(entries, rejected, dict(skipped))


def _entry(row: dict[str, str], language: str, files: Files) -> Entry:
    """The recording of a row; AudioError if it can't be used."""
    path = row["path"].strip()
    normal = posixpath.normpath(path)
    if not path or normal.startswith(("/", "../")) or normal == "..":
        raise AudioError("outside", "is not a path below corpus.root; write it relative to that folder", Path(path))
    stamp = files.stamp(normal)
    speaker, group = sys.intern(_one_line(row["speaker"])), sys.intern(_one_line(row.get("group", "")))
    require_printable(path, language=language, speaker=speaker, group=group)
    if not speaker:
        detail = "has no speaker; write one, so that no voice is both trained and tested on"
        raise AudioError("no_speaker", detail, Path(path))
    extra = _extra(tuple((column, text) for column, text in row.items() if column not in TAKEN))
    return Entry(normal, sys.intern(language), speaker, group, extra, stamp)


@functools.lru_cache(1024)  # equal cells of a million recordings are held once
def _extra(cells: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {column: _printable_line(text) for column, text in cells}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _printable_line(text: str) -> str:
    """A text on one line, without characters that can't be printed."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return _one_line(text)
