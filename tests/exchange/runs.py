"""A finished run of two-channel calls cut into segments, with names that are hard to write."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pipeline import checksums, params, tables
from pipeline.arrays import Samples
from pipeline.corpus.entries import Entry
from pipeline.rows import SPLITS, RecordingRow, SequenceRow, SpanRow, SplitRow
from pipeline.store.feature_store import FeatureStore
from tests.audio.signals import RATE, babble
from tests.ingest import parts
from tests.stores import build

SPEAKERS = ("Anna 'A' Lee", "José\u3000=1", "s", "s-1", "s+1", 'x/"y"')  # `s` and its continuations sort otherwise
LANGUAGES = ("english", "french_canadian", "quenta")
TAGS = dict(zip(LANGUAGES, ("en", "fr-CA", "mis-x-3f90c4cb"), strict=True))
PLACES = {"train": (0, 1, 2, 3, 4, 5), "val": (6, 7), "test": (8, 9), "other": (10,), "open": (), "left_out": (11,)}


@dataclass(frozen=True)
class Run:
    """A finished run: the folder that the stages wrote, its recordings, and what is in them."""

    artifacts: Path
    rows: list[RecordingRow]
    samples: dict[str, Samples]
    spans: dict[str, list[tuple[int, int]]]
    split_of: dict[str, str]

    @property
    def exported(self) -> dict[str, RecordingRow]:
        """The recordings of the splits that are exported."""
        return {row.recording: row for row in self.rows if self.split_of[row.recording] != "left_out"}


def made(folder: Path) -> Run:
    """Make a run of two calls of 12 s, each with three segments on both channels."""
    entries, sounds = [], {}
    for call in range(2):
        name = f'the "call" {call} ü.flac'
        sounds[name] = np.stack([babble(10 * call + channel, 12 * RATE) for channel in range(2)], axis=1)
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "corpus" / name, sounds[name], RATE, subtype="PCM_16")
        for number in range(6):
            channel, start_s = number % 2 + 1, 4.0 * (number // 2) + 0.123
            columns = {"licence": "CC-BY-4.0", "url": "https://example.org/calls"} if call else {"licence": "CC0-1.0"}
            entries.append(
                Entry(name, LANGUAGES[number // 2], SPEAKERS[number], channel=channel, start_s=start_s,
                      end_s=start_s + 2.5 + 0.001 * number, source=f"of {call}" if call else "", columns=columns)
            )  # fmt: skip
    roots = {entry.source: folder / "corpus" for entry in entries}
    artifacts = folder / "artifacts"
    rows = parts.ingested(entries, roots, artifacts / "audio", params.Audio(channels="split")).rows
    assert len(rows) == 12
    samples = {}
    for row, entry in zip(rows, entries, strict=True):
        first, end = entry.span(RATE)
        samples[row.recording] = sounds[entry.path][first:end, entry.channel - 1]
    spans = {row.recording: [(160 * n, 8000 + n), (20_000, row.samples)] for n, row in enumerate(rows)}
    split_of = {rows[number].recording: split for split, numbers in PLACES.items() for number in numbers}
    tables.write(artifacts / "ingest" / "recordings.csv", RecordingRow, rows)
    found = [SpanRow(name, *span) for name, of in spans.items() for span in of]
    tables.write(artifacts / "trim" / "spans.csv", SpanRow, found)
    by_id = {row.recording: row for row in rows}
    for split in PLACES:
        picked = [by_id[name] for name, place in split_of.items() if place == split]
        lines = [
            SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s, row.extra.get("source", ""))
            for row in picked
        ]
        tables.write(artifacts / "splits" / f"{split}.csv", SplitRow, lines)
    _balanced(artifacts, rows, split_of)
    for name in ("ingest", "trim", "splits", "manifests"):
        checksums.seal(artifacts / name)
    return Run(artifacts, rows, samples, spans, split_of)


def _balanced(artifacts: Path, rows: list[RecordingRow], split_of: dict[str, str]) -> None:
    """Write features of 100 frames each, and manifests: the first recording once, the second twice, the third half."""
    count = 100 * len(rows)
    ids, languages, speakers = zip(*((row.recording, row.language, row.speaker) for row in rows), strict=True)
    path = artifacts / "features.zarr"
    build(path, ids, languages, speakers, [100] * len(rows), np.zeros((count, 4), np.float32), np.ones(count, bool))
    store = FeatureStore.open(path)
    cuts = {0: [(0, 100, 0.5)], 1: [(0, 60, 1.0), (60, 40, 1.0), (0, 100, 1.0)], 2: [(0, 50, 1.0)], 3: [(0, 100, 2.0)]}
    for split in SPLITS:
        lines = [
            SequenceRow(f"{row.recording}/{n}", row.recording, row.language, row.speaker, start, frames, weight=weight,
                        view="label", features=store.id)
            for number, row in enumerate(rows)
            if split_of[row.recording] == split
            for n, (start, frames, weight) in enumerate(cuts.get(number, []) if split == "train" else [(0, 100, 1.0)])
        ]  # fmt: skip
        tables.write(artifacts / "manifests" / f"{split}.csv", SequenceRow, lines)


WEIGHTS = (0.5, 2.0, 0.5, 2.0, 0.0, 0.0)
