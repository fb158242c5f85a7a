"""The table layout: metadata.csv in `corpus.root` with the columns path (relative to the root), language and speaker.

A recording may be a part of its file: columns start and end in seconds, channel counted from 1. Where the channels of a
file are different people, speaker_1, speaker_2, ... name them. The column group is optional: recordings cut from one
source share a group. Other columns are copied to ingest/recordings.csv unless it has a column of that name already.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline import names, params
from pipeline.corpus.collector import Collector, span
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import escaped, is_file, on_disk
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import AudioError
from pipeline.rows import RecordingRow

METADATA = "metadata.csv"
TAKEN = {field.name for field in dataclasses.fields(RecordingRow)} - {"extra"} | {"start", "end"}
TIMES = ("start", "end")
OPTIONAL = ("group", "channel", "split", *(f"speaker_{number}" for number in range(1, 100)))
CHANNEL_SPEAKER = re.compile(r"speaker_[1-9]\d?")


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    return f"it holds {METADATA}" if is_file(root / METADATA) else None


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the rows of the table whose language is one of `corpus.languages`."""
    listed = corpus.table or METADATA
    theirs = {name: corpus.columns.get(name, name) for name in ("path", "language", "speaker", *TIMES, *OPTIONAL)}
    needed = [theirs[name] for name in ("path", "language", "speaker")][: 3 if corpus.speakers == "table" else 2]
    name, collector = escaped(str(root / listed)), Collector(root, corpus, f"the column {theirs['speaker']}")
    remedy = (
        f"corpus.layout 'table' needs it, as CSV in UTF-8 with the columns {', '.join(needed)} (or see corpus.columns)"
    )
    table = Table(on_disk(root, listed), name, remedy, collector.bad(listed))
    _, header = next(table.lines(), (0, []))
    if any(CHANNEL_SPEAKER.fullmatch(names.normal(column).casefold()) for column in header):
        needed = needed[:2]
    ours = {column: name for name, column in corpus.columns.items()}
    for line, cells in table.rows(needed, theirs.values(), [theirs[name] for name in TIMES]):
        row = {ours.get(column, column): text for column, text in cells.items()} if ours else cells
        if spoken := collector.language(row["language"]):
            _add(row, spoken, f"{name} line {line}", collector)
    return collector.listing()


def _add(row: Mapping[str, str], language: str, where: str, collector: Collector) -> None:
    voices = {int(name[8:]): text for name, text in row.items() if CHANNEL_SPEAKER.fullmatch(name)}
    try:
        start, end = span(row.get("start", ""), row.get("end", ""), row["path"])
        channel = _channel(row.get("channel", ""), row["path"])
    except AudioError as error:
        collector.reject(row["path"].strip(), error)
        return
    collector.add(
        row["path"],
        language,
        row.get("speaker", ""),
        where=where,
        group=row.get("group", ""),
        extra=_extra(tuple((column, text) for column, text in row.items() if column not in TAKEN)),
        channel=channel,
        start=start,
        end=end,
        channel_speakers=tuple(voices.get(number, "") for number in range(1, max(voices, default=0) + 1)),
    )


def _channel(text: str, path: str) -> int:
    text = text.strip()
    if text and not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise AudioError("channel", f"has the channel {text[:20]!r}; count them from 1", Path(path))
    return int(text or 0)


@functools.lru_cache(1024)  # equal cells of a million recordings are held once
def _extra(cells: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {column: names.line(text) for column, text in cells}
