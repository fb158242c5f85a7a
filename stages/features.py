"""features: compute MFCCs and speech flags of every recording into one Zarr store."""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import cluster, features, files, parts, tables
from pipeline.arrays import Spans
from pipeline.audio.wav import Wav
from pipeline.cache import Cache
from pipeline.console import terminal
from pipeline.errors import ArtifactError
from pipeline.features import Speech
from pipeline.mfcc.kernel import frame_count
from pipeline.params import Params
from pipeline.rows import RecordingRow, SpanRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    cluster.warm(*features.MODULES)
    settings = read_params("features")
    cache, rate = Cache(), settings.audio.sample_rate
    with files.building(ARTIFACTS.resolve() / "features.zarr") as path:
        ids, work = lay_out(settings, path)
        kernel = features.kernel_of(settings.mfcc, rate, cache)
        with cluster.connect(*features.MODULES) as client:
            reused = features.run(client, work, ids, path, kernel, settings.mfcc, rate, cache)
    cache.shrink()
    terminal.show_reused(len(ids), reused, "recordings")
    frames = sum(frame_count(speech.wav.n_samples, settings.mfcc.hop_length) for part in work for speech in part)
    print(f"{frames:,} frames of {settings.mfcc.n_mfcc} MFCCs from {len(ids):,} recordings")


def lay_out(settings: Params, path: Path) -> tuple[list[str], list[list[Speech]]]:
    """Create an empty store; return the ids of the recordings and the work of each part, which takes less memory."""
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    wavs = [Wav.of(row, audio) for row in recordings]
    divided = parts.of_containers([row.file for row in recordings])
    spans, rate = read_spans(recordings), settings.audio.sample_rate
    work = features.lay_out(path, recordings, wavs, spans, divided, settings.mfcc, rate)
    return [row.recording for row in recordings], work


def read_spans(recordings: Sequence[RecordingRow]) -> list[Spans]:
    """Return the spans of speech that trim found in each recording."""
    spans = {row.recording: array("q") for row in recordings}
    path = ARTIFACTS / "trim" / "spans.csv"
    for span in tables.scan(path, SpanRow):
        if span.recording not in spans:
            raise ArtifactError(f"{path} belongs to another corpus: ingest has no {span.recording!r}; run `dvc repro`")
        spans[span.recording].extend((span.start, span.end))
    return [np.array(spans[row.recording], np.int64).reshape(-1, 2) for row in recordings]


if __name__ == "__main__":
    run(main)
