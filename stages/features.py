"""features: compute MFCCs and speech flags of every recording into one Zarr store, one Dask task per shard."""

from pipeline.cluster import template  # isort: skip

if __name__ == "__main__":  # first: its imports take as long as those of this process
    template.start("pipeline.jobs.features", "pipeline.mfcc.recording", "pipeline.shards.writer")

from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from pipeline import files, tables
from pipeline.audio.wav import Wav
from pipeline.cluster import engine
from pipeline.errors import ArtifactError
from pipeline.jobs import features, memo
from pipeline.jobs.features import FEATURES, Source
from pipeline.rows import RecordingRow, SpanRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("features")
    cache = memo.default()
    with engine.connect(FEATURES) as client:  # first: the workers start while the inputs are read
        recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
        sources = list(read_sources(recordings))
        with files.building(ARTIFACTS.resolve() / "features.zarr") as path:
            outcomes = features.run(client, recordings, sources, path, settings.mfcc, settings.audio.sample_rate, cache)
    memo.show_reuse(outcomes, "pieces", cache)
    frames = sum(features.lengths(sources, settings.mfcc.hop_length))
    print(f"{frames:,} frames of {settings.mfcc.n_mfcc} MFCCs from {len(recordings):,} recordings")


def read_sources(recordings: Sequence[RecordingRow]) -> Iterator[Source]:
    """The WAV of each recording, with the spans that trim found."""
    spans = {row.recording: array("q") for row in recordings}
    path = ARTIFACTS / "trim" / "spans.csv"
    for span in tables.scan(path, SpanRow):
        if span.recording not in spans:
            raise ArtifactError(f"{path} belongs to another corpus: ingest has no {span.recording!r}; run `dvc repro`")
        spans[span.recording].extend((span.start, span.end))
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    for row in recordings:
        yield Source(Wav.of(row, audio), np.array(spans[row.recording], np.int64).reshape(-1, 2))


if __name__ == "__main__":
    run(main)
