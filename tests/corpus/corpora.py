"""Small corpora for the tests of layouts. Listing never opens a recording, so all recordings are empty files."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from pipeline import params, tables
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow, RejectedRow

LANGUAGES = ("english", "hindi")
FOLDER_OF_FILE = r"(?P<speaker>[^/]+)/[^/]+$"
HOSTILE_NAMES = [
    "|x.wav", "-x.wav", "x[1].wav", "a b.wav", "हिन्दी 普通话.wav", "x" * 200 + ".wav", "a\nb.wav", "$(x);'\".wav",
    "*.wav",
]  # fmt: skip


def settings(layout: params.Layout, root: Path, **changes: Any) -> params.Corpus:
    """Parameters of a corpus whose speakers are the folders of its files."""
    values: dict[str, Any] = {"languages": LANGUAGES, "speaker_pattern": FOLDER_OF_FILE, "max_rejected": 0.0} | changes
    return params.Corpus.plain(root, layout, values.pop("languages"), **values)


def touch(root: Path, *paths: str) -> None:
    """Make empty files with their folders."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.write_text(as_csv(rows), encoding="utf-8", newline="")


def as_csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def listed(listing: Listing) -> list[str]:
    return [entry.path for entry in listing.entries]


def reasons(listing: Listing) -> dict[str, str]:
    return {row.path: row.reason for row in listing.rejected}


def refusal(settings: params.Corpus) -> str:
    """The printable line with which a corpus is refused."""
    with pytest.raises(CorpusError) as error:
        layouts.read(settings)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1500
    return str(error.value)


# Any text in place of a table

HOSTILE_CELLS = [
    "a\rb", "a\nb", "a\0b", "\x1b[2J", "\u2028", "\u202e", "\u200d", '"', "a,b", "\x85", "..", "/", " ", "",
]  # fmt: skip
USUAL_CELLS = ["a.wav", "b.wav", "./a.wav", "train_hindi/c.wav", "nowhere.wav", "english", "hindi", "Asha", "x" * 300]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
CELLS = st.sampled_from(USUAL_CELLS + HOSTILE_CELLS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
COLUMNS = st.sampled_from(["path", "language", "speaker", "group", "accent", "", "sha256", "a\rb", "\x1b", "path "])


def table_texts(*header: str) -> st.SearchStrategy[str]:
    """Any text, but mostly tables that are almost right."""
    rows = st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=4)
    right = rows.map(lambda rows: as_csv([list(header), *rows]))
    any_header = st.lists(COLUMNS, max_size=6).flatmap(
        lambda header: st.lists(st.lists(CELLS, max_size=6), max_size=3).map(lambda rows: as_csv([header, *rows]))
    )
    cut = st.tuples(right, st.integers(0, 99)).map(lambda pair: pair[0][: -pair[1]])
    return st.one_of(right, right, right, any_header, cut, ANY_TEXT)


def check_listing_or_sentence(settings: params.Corpus, folder: Path) -> None:
    """Reading gives a listing of printable lines that survives being written and read, or one printable sentence."""
    try:
        listing = layouts.read(settings)
    except CorpusError as error:
        assert str(error).isprintable()
        return
    for entry in listing.entries:
        texts = [entry.path, entry.language, entry.speaker, entry.group, *entry.extra, *entry.extra.values()]
        assert all(text.isprintable() for text in texts)
        assert entry.language in settings.languages
        assert entry.speaker
        assert (Path(settings.root) / entry.path).is_file()
    assert all(text.isprintable() for row in listing.rejected for text in dataclasses.astuple(row))
    assert all(name.isprintable() for name in listing.skipped)
    recordings = [_as_recording(entry) for entry in listing.entries]
    tables.write(folder / "x.csv", RecordingRow, recordings)
    assert tables.read(folder / "x.csv", RecordingRow, sealed=False) == recordings
    tables.write(folder / "x.csv", RejectedRow, listing.rejected)
    assert tables.read(folder / "x.csv", RejectedRow, sealed=False) == listing.rejected


def _as_recording(entry: Entry) -> RecordingRow:
    names = ("path", "language", "speaker", "group", "extra")
    given: dict[str, Any] = {name: getattr(entry, name) for name in names}
    types: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(RecordingRow)}
    return RecordingRow(**given | {name: kind("1") for name, kind in types.items() if name not in given})
