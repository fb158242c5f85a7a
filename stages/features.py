"""features: MFCCs and speech flags of every recording into one Zarr store, one Dask task a shard."""

import functools
from array import array
from collections.abc import Iterator

import numpy as np

from pipeline import files, mfcc, params, tables
from pipeline.audio.wav import Wav
from pipeline.cluster import dispatch
from pipeline.errors import ArtifactError
from pipeline.jobs import features, memo
from pipeline.jobs.features import Source
from pipeline.shards import writer
from pipeline.shards.layout import Piece
from pipeline.tables import RecordingRow, SpanRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    with dispatch.connect(features) as client:
        # Here and once, while the workers start: librosa takes a second to import.
        kernel = mfcc.make_kernel(settings.mfcc, settings.audio.sample_rate)
        recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
        sources = [*read_sources(recordings)]
        kept = memo.default()
        batches = features.batches(sources, settings.mfcc, settings.audio.sample_rate, kept)
        with files.building(ARTIFACTS.resolve() / "features.zarr") as target:
            features.create(target, recordings, sources, settings.mfcc, settings.audio.sample_rate)
            fill = functools.partial(features.fill, path=target, kernel=kernel, top_db=settings.mfcc.top_db, kept=kept)
            outcomes = dispatch.map(
                client,
                fill,
                batches,
                folder=target,
                lost=features.lost,
                job="features",
                unit="pieces",
                allowance=lambda part: part.piece.count * settings.mfcc.hop_length / dispatch.SAMPLES_PER_S,
            )
            pieces = [part.piece for batch in batches for part in batch]
            lost: dict[str, list[Piece]] = {}
            for piece, outcome in zip(pieces, outcomes, strict=True):
                if outcome == "lost":
                    lost.setdefault(recordings[piece.recording].recording, []).append(piece)
            if lost:
                writer.give_up(target, lost)
    memo.tell(outcomes, "pieces", kept)
    frames = sum(piece.count for piece in pieces)
    print(f"{frames:,} frames of {settings.mfcc.n_mfcc} MFCCs of {len(recordings)} recordings")


def read_sources(recordings: list[RecordingRow]) -> Iterator[Source]:
    """What ingest wrote of each recording, with the spans that trim found."""
    spans = {row.recording: array("q") for row in recordings}
    path = ARTIFACTS / "trim" / "spans.csv"
    for span in tables.scan(path, SpanRow):
        if span.recording not in spans:
            raise ArtifactError(f"{path} is of another corpus: ingest has no {span.recording!r}; run `dvc repro`")
        spans[span.recording].extend((span.start, span.end))
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    for row in recordings:
        found = np.array(spans[row.recording], np.int64).reshape(-1, 2)
        yield Source(Wav.of(row, audio), found)


if __name__ == "__main__":
    run(main)
