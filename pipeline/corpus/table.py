"""The table layout: metadata.csv in `corpus.root` with the columns path (relative to the root), language and speaker.

A recording may be a part of its file: columns start and end in seconds, channel counted from 1. If the channels of a
file are different people, speaker_1, speaker_2, ... name them. The column group is optional: recordings cut from one
source share a group. Other columns are copied to ingest/recordings.csv unless it has a column of that name already.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from pipeline import names
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import MEANT, carried
from pipeline.corpus.paths import is_file

METADATA = "metadata.csv"
TIMES = ("start", "end")
OPTIONAL = ("group", "channel", *MEANT, *(f"speaker_{number}" for number in range(1, 100)))
CHANNEL_SPEAKER = re.compile(r"speaker_[1-9]\d?")


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    return f"it holds {METADATA}" if is_file(root / METADATA) else None


def read(collector: Collector) -> None:
    """List the rows of the table whose language is one of `corpus.languages`."""
    corpus = collector.corpus
    theirs = {name: corpus.columns.get(name, name) for name in ("path", "language", "speaker", *TIMES, *OPTIONAL)}
    ours = {column: name for name, column in corpus.columns.items()}
    collector.speakers_in = f"the column {theirs['speaker']}"
    needed = [theirs[name] for name in ("path", "language", "speaker")][: 3 if corpus.speakers == "table" else 2]
    remedy = (
        f"corpus.layout 'table' needs it, as CSV in UTF-8 with the columns {', '.join(needed)} (or see corpus.columns)"
    )
    table = collector.table(corpus.table or METADATA, remedy)
    _, header = next(table.lines(), (0, []))
    if any(CHANNEL_SPEAKER.fullmatch(names.normal(column).casefold()) for column in header):
        needed = needed[:2]
    for line, cells in table.rows(needed, theirs.values(), [theirs[name] for name in TIMES]):
        row = {ours.get(column, column): text for column, text in cells.items()}
        collector.add(
            row["path"],
            row["language"],
            row.get("speaker", ""),
            where=f"{table.name} line {line}",
            group=row.get("group", ""),
            part={name: row[name] for name in (*TIMES, "channel") if name in row},
            channel_speakers=_channel_speakers(row),
            columns=carried(row),
        )


def _channel_speakers(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the speakers of the channels, as many as there are columns for."""
    voices = {int(name[8:]): text for name, text in row.items() if CHANNEL_SPEAKER.fullmatch(name)}
    return tuple(voices.get(number, "") for number in range(1, max(voices, default=0) + 1))
