"""features: MFCCs and speech flags of every recording into one Zarr store, one Dask task a shard."""

import functools
from importlib.metadata import version

import numpy as np

from pipeline import cluster, features, params, store, tables
from pipeline.features import Source
from pipeline.tables import Recording, Span
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", Recording)
    spans: dict[str, list[tuple[int, int]]] = {row.recording: [] for row in recordings}
    for span in tables.read(ARTIFACTS / "trim" / "spans.csv", Span):
        spans[span.recording].append((span.start, span.end))
    sources = [
        Source(
            ARTIFACTS.resolve() / "audio" / f"{row.recording}.wav",
            row.samples,
            np.array(spans[row.recording], np.int64).reshape(-1, 2),
        )
        for row in recordings
    ]

    target = ARTIFACTS / "features.zarr"
    jobs = features.jobs(sources, settings.mfcc.hop_length)
    store.create(
        target,
        ids=[row.recording for row in recordings],
        languages=[row.language for row in recordings],
        speakers=[row.speaker for row in recordings],
        lengths=features.lengths(sources, settings.mfcc.hop_length),
        n_mfcc=settings.mfcc.n_mfcc,
        attributes={
            "sample_rate": settings.audio.sample_rate,
            "mfcc": dict(settings.mfcc) | features.FIXED,
            "versions": {name: version(name) for name in ("librosa", "numpy", "scipy", "zarr", "soxr", "soundfile")},
        },
    )
    fill = functools.partial(
        features.fill, path=target.resolve(), settings=settings.mfcc, sample_rate=settings.audio.sample_rate
    )
    cluster.map(fill, jobs, job="features", unit="shards")
    frames = jobs[-1].shard.stop
    print(f"{frames:,} frames of {settings.mfcc.n_mfcc} MFCCs of {len(recordings)} recordings")


if __name__ == "__main__":
    run(main)
