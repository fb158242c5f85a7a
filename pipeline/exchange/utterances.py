"""The recordings of a finished run with all that another tool wants to know of them: read once, for every format."""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import tables
from pipeline.audio.wav import HEADER_BYTES, Wav
from pipeline.corpus.languages import tag_of
from pipeline.errors import ArtifactError
from pipeline.rows import OPEN, OTHER, SPLITS, RecordingRow, SpanRow, SplitRow
from pipeline.store.feature_store import FeatureStore

SPLIT_NAMES = (*SPLITS, OTHER, OPEN)  # recordings that would leak, in left_out.csv, are never exported


@dataclass(frozen=True)
class Utterance:
    """A recording of a split.

    Attributes
    ----------
    tag
        BCP 47 code of the language; a private one, beginning with `mis-x-`, if the language has none.
    speaker_from
        As in ingest/recordings.csv.
    weight
        How much its frames count in training: times its sequences are seen, times their weight. 1 outside of train.
    speech
        Samples start:end of the recording are speech.
    rate
        Hz.
    wav
        Its samples as ingest wrote them.
    file, first
        Where the manifests say that they are: an absolute path, and its first sample in that file.
    file_samples
        Length of that file.
    """

    id: str
    split: str
    language: str
    tag: str
    speaker: str
    speaker_from: str
    source: str
    licence: str
    url: str
    weight: float
    speech: tuple[tuple[int, int], ...]
    samples: int
    rate: int
    wav: Wav
    file: Path
    first: int
    file_samples: int

    @property
    def start_s(self) -> float:
        """Start in the file, seconds."""
        return self.first / self.rate

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate

    @property
    def speech_s(self) -> list[tuple[float, float]]:
        """Start and end of the spans of speech, seconds."""
        return [(start / self.rate, end / self.rate) for start, end in self.speech]


def read(artifacts: Path) -> list[Utterance]:
    """Read all splits in their order; ArtifactError if a table is missing or damaged."""
    store = FeatureStore.open(artifacts / "features.zarr")
    weights = _weights(store, artifacts / "manifests" / "train.csv")
    recordings = {row.recording: row for row in tables.scan(artifacts / "ingest" / "recordings.csv", RecordingRow)}
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for span in tables.scan(artifacts / "trim" / "spans.csv", SpanRow):
        spans[span.recording].append((span.start, span.end))
    found = []
    for split in SPLIT_NAMES:
        path = artifacts / "splits" / f"{split}.csv"
        for row in store.computed(tables.scan(path, SplitRow)):
            of = recordings.get(row.recording)
            if of is None or not re.fullmatch(r"[\w-]+", row.recording, re.ASCII):
                raise ArtifactError(f"{path} names {row.recording!r}, which ingest has not; run `dvc repro`")
            wav = Wav.of(of, (artifacts / "audio").absolute())
            found.append(
                Utterance(
                    id=row.recording, split=split, language=row.language, tag=tag(row.language), speaker=row.speaker,
                    speaker_from=of.speaker_from, source=row.source, licence=of.extra.get("licence", ""),
                    url=of.extra.get("url", ""),
                    weight=weights.get(row.recording, 0.0) if split == "train" else 1.0,
                    speech=tuple(spans[row.recording]), samples=of.samples, rate=round(of.samples / of.duration_s),
                    wav=wav, file=wav.path, first=of.first_sample, file_samples=_samples(wav.path),
                )
            )  # fmt: skip
    return found


def tag(language: str) -> str:
    """Return the BCP 47 code of a language.

    >>> tag("mandarin"), tag("french_canadian"), tag("quenta")
    ('zh', 'fr-CA', 'mis-x-3f90c4cb')
    """
    return tag_of(language) or f"mis-x-{hashlib.sha256(language.encode()).hexdigest()[:8]}"


def _weights(store: FeatureStore, manifest: Path) -> dict[str, float]:
    """Return the weight of each recording of a training manifest; of an ensemble, in its first network."""
    sequences = store.select(manifest=manifest)
    items = sequences.items[sequences.items["member"] == 0]
    shown = store.select().view(sequences.strategy).items
    frames = np.zeros(len(store.ids))
    frames[shown["index"]] = shown["frames"]
    weighted = np.bincount(items["index"], items["frames"] * items["weight"], len(frames)) / np.maximum(frames, 1)
    return dict(zip(store.ids, np.round(weighted, 6).tolist(), strict=True))


def _samples(container: Path) -> int:
    try:
        return (container.stat().st_size - HEADER_BYTES) // 2
    except OSError as error:
        raise ArtifactError(f"{container} can't be read ({error.strerror}); run `dvc repro`") from error
