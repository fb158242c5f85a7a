"""Bytes per hour of audio that each stage keeps, and what FLAC containers and rounded MFCCs would change.

    python -m benchmarks.disk --artifacts DIR

The artifacts are those of `dvc repro`. FLAC: the size, and the time to decode the containers next to the time that trim
and features take for them, all in one process. Rounding: MFCCs with fewer bits of mantissa, packed by Blosc as the
store packs them or by zstd; the time to unpack them, and how far the posteriors of the test recordings move.
"""

import argparse
import io
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numcodecs  # type: ignore[import-untyped]
import numpy as np
import soundfile
from numpy.typing import NDArray

from pipeline import params, parts, tables, trim
from pipeline.arrays import Features
from pipeline.audio.wav import Reader, Wav
from pipeline.cache import Cache
from pipeline.console import terminal
from pipeline.features import Speech, compute_part, kernel_of
from pipeline.rows import RecordingRow, SplitRow
from pipeline.shards import layout
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import reference, runtimes
from pipeline.streaming.description import Description

ROOT = Path(__file__).parents[1]
FOLDERS = ["audio", "ingest", "trim", "features.zarr", "splits", "manifests"]
FOLDERS += ["model", "streaming", "evaluation", "report"]
BITS = (23, 14, 12, 10)  # of the mantissa; 23: all
CODECS = {"lz4": ("lz4", 5), "zstd": ("zstd", 5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=ROOT / "artifacts")
    artifacts = parser.parse_args().artifacts
    recordings = tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)
    hours = sum(row.duration_s for row in recordings) / 3600
    rows: list[list[object]] = [[name, f"{size(artifacts / name) / 1e6 / hours:.1f} MB"] for name in FOLDERS]
    terminal.show_table(["folder", "per hour"], rows)
    flac(artifacts, recordings)
    rounding(artifacts, hours)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(work: Callable[[], Any]) -> float:
    """Seconds of the second of two runs."""
    return timeit.repeat(work, number=1, repeat=2)[1]


def flac(artifacts: Path, recordings: Sequence[RecordingRow]) -> None:
    settings = params.load(ROOT / "params.yaml")
    rate, audio = settings.audio.sample_rate, artifacts / "audio"
    first = parts.of_containers([row.file for row in recordings])[0]
    rows = recordings[first.start : first.stop]
    wavs = [Wav.of(row, audio) for row in rows]
    content = (audio / rows[0].file).read_bytes()
    samples, packed = np.frombuffer(content[44:], np.int16), io.BytesIO()
    soundfile.write(packed, samples, rate, format="FLAC")
    decode_s = timed(lambda: soundfile.read(io.BytesIO(packed.getvalue()), dtype="int16"))
    read_s = timed(lambda: [Reader(wav)(0, wav.n_samples) for wav in wavs])
    bound: dict[str, Any] = {"left_out": frozenset(), "keep": False, "sample_rate": rate, "cache": Cache()}
    trim_s = timed(lambda: trim.find(wavs, detection=settings.silence, **bound))
    kernel = kernel_of(settings.mfcc, rate, Cache())
    spans = [np.array([[0, wav.n_samples]]) for wav in wavs]
    work = [Speech(wav, each, 0) for wav, each in zip(wavs, spans, strict=True)]
    features_s = timed(lambda: compute_part(work, path=Path(), kernel=kernel, settings=settings.mfcc, **bound))
    print(f"\nFLAC: {len(packed.getvalue()) / len(content):.0%} of the bytes")
    for name, seconds in (("trim", trim_s), ("features", features_s)):
        print(f"{name} would take {(decode_s - read_s) / seconds:+.0%} time")


def rounding(artifacts: Path, hours: float) -> None:
    store, model = FeatureStore.open(artifacts / "features.zarr"), artifacts / "streaming"
    description = Description.read(model)
    network = runtimes.load(model, "onnx", description.states)
    test = store.computed(tables.read(artifacts / "splits" / "test.csv", SplitRow))
    features = [store.features(row.recording) for row in test]
    flags = [store.flags(row.recording) for row in test]
    audio_s = sum(map(len, features)) * store.frame_s

    def answers(changed: Sequence[Features]) -> NDArray[np.float32]:
        found = []
        for each, speech in zip(changed, flags, strict=True):
            network.reset_states()
            found.append(reference.posteriors(each, speech, description, network.accept))
        return np.concatenate(found)

    wanted, rows = answers(features), list[list[object]]()
    for bits in BITS:
        changed = [rounded(each, bits) for each in features]
        off = float(np.nanmax(np.abs(answers(changed) - wanted)))
        blocks = np.concatenate(changed)
        chunks = [blocks[at : at + layout.CHUNK_ROWS] for at in range(0, len(blocks), layout.CHUNK_ROWS)]
        for name, (codec, level) in CODECS.items():
            blosc = numcodecs.Blosc(codec, level, numcodecs.Blosc.BITSHUFFLE)
            packed = [blosc.encode(np.ascontiguousarray(chunk)) for chunk in chunks]
            pack_s = timed(lambda: [blosc.encode(np.ascontiguousarray(chunk)) for chunk in chunks])  # noqa: B023
            unpack_s = timed(lambda: [blosc.decode(each) for each in packed])  # noqa: B023
            per_hour = sum(map(len, packed)) / 1e6 / audio_s * 3600
            times = (f"{1000 * seconds / audio_s * 3600:.0f} ms" for seconds in (pack_s, unpack_s))
            rows.append([bits, name, f"{per_hour:.1f} MB", *times, f"{off:.1e}"])
    print()
    terminal.show_table(
        ["bits", "codec", "per hour", "packing", "unpacking", "largest difference of a posterior"], rows
    )


def rounded(features: Features, bits: int) -> Features:
    """Round the mantissa to the nearest number of so many bits."""
    drop = 23 - bits
    if not drop:
        return features
    raw = features.view(np.uint32)
    half = np.uint32((1 << (drop - 1)) - 1)
    even = (raw >> np.uint32(drop)) & np.uint32(1)
    return ((raw + half + even) & ~np.uint32((1 << drop) - 1)).view(np.float32)


if __name__ == "__main__":
    main()
