"""The bytes of a store do not depend on who computed them, and damaged audio does not enter it."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import zarr
from distributed import Client

from pipeline import features, params, trim
from pipeline.arrays import Samples, Spans
from pipeline.audio.wav import Reader, Wav
from pipeline.cache import Cache
from pipeline.errors import ArtifactError
from pipeline.features import Speech
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole
from pipeline.shards import writer
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import frame_flags, sox_spans
from pipeline.store.feature_store import FeatureStore
from tests.audio.signals import RATE, babble, write
from tests.cluster.clusters import connected
from tests.splits.rows import recording

PARTS = [range(2), range(2, 4)]


def ingested(folder: Path, name: str, signal: Samples) -> Wav:
    soundfile.write(folder / f"{name}.flac", signal, RATE)
    measures = write(folder / f"{name}.flac", folder / f"{name}.wav", RATE)
    return Wav(folder / f"{name}.wav", f"{name}.flac", len(signal), measures.sha256)


@pytest.fixture(scope="module")
def sources(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[Wav], list[Spans]]:
    """Four recordings in two parts; the second lies across the first border between shards (11 minutes)."""
    folder = tmp_path_factory.mktemp("audio")
    signals = [babble(seed, int(seconds * RATE)) for seed, seconds in enumerate((500.0, 400.0, 0.5, 3.0))]
    wavs = [ingested(folder, f"r{index}", signal) for index, signal in enumerate(signals)]
    return wavs, [sox_spans([signal], SoxRule(RATE, 1.0)) for signal in signals]


def build(
    client: Client, path: Path, sources: tuple[list[Wav], list[Spans]], settings: params.Mfcc, cache: Cache
) -> tuple[dict[str, str], int]:
    """Compute a store; return the sha256 of every file, and the number of recordings from the cache."""
    wavs, spans = sources
    rows = [recording(number, "english", "s", seconds=wav.n_samples / RATE) for number, wav in enumerate(wavs)]
    work = features.lay_out(path, rows, wavs, spans, PARTS, settings, RATE)
    ids, kernel = [one.recording for one in rows], make_kernel(settings, RATE)
    reused = features.run(client, work, ids, path, kernel, settings, RATE, cache)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}, reused


@pytest.mark.cluster
def test_the_bytes_are_the_same_with_any_number_of_workers_and_from_the_cache(
    tmp_path: Path, sources: tuple[list[Wav], list[Spans]], defaults: params.Params
) -> None:
    caches = Cache(tmp_path / "cache of one"), Cache(tmp_path / "cache of two")
    with connected(1) as client:
        one, _ = build(client, tmp_path / "one.zarr", sources, defaults.mfcc, caches[0])
    with connected(2) as client:
        two, _ = build(client, tmp_path / "two.zarr", sources, defaults.mfcc, caches[1])
        again, reused = build(client, tmp_path / "again.zarr", sources, defaults.mfcc, caches[0])
    assert one == two == again
    assert reused == 4
    assert sum(name.startswith("mfcc/c/") for name in one) == 3  # one file per shard

    store = FeatureStore.open(tmp_path / "two.zarr")
    kernel = make_kernel(defaults.mfcc, RATE)
    for name, wav, spans in zip(store.ids, *sources, strict=True):
        expected = whole(kernel, Reader(wav)(0, wav.n_samples))
        np.testing.assert_allclose(store.features(name), expected, atol=1e-3)
        flags = frame_flags(spans, wav.n_samples, 160, 0, len(expected))
        np.testing.assert_array_equal(store.flags(name), flags)


def store_of(folder: Path, defaults: params.Params) -> tuple[Speech, Any]:
    """A recording of 10 s, and the function that fills its store."""
    wav = ingested(folder, "0", babble(0, 160_000))
    speech = Speech(wav, sox_spans([babble(0, 160_000)], SoxRule(RATE, 1.0)), 0)
    path, cache = folder / "s.zarr", Cache(folder / "cache")
    writer.create(path, ["r0"], ["english"], ["s"], [0], [1001], defaults.mfcc.n_mfcc, {})

    def fill(left_out: frozenset[int] = frozenset(), keep: bool = True) -> tuple[frozenset[int], bool]:
        return features.compute_part(
            [speech], left_out=left_out, keep=keep, path=path, kernel=make_kernel(defaults.mfcc, RATE),
            settings=defaults.mfcc, sample_rate=RATE, cache=cache,
        )  # fmt: skip

    return speech, fill


def test_settings_of_zarr_do_not_reach_a_task(tmp_path: Path, defaults: params.Params) -> None:
    _, fill = store_of(tmp_path, defaults)
    with zarr.config.set({"codec_pipeline.path": "no.Pipeline", "default_zarr_format": 2}):
        fill()
    assert np.isfinite(FeatureStore.open(tmp_path / "s.zarr").features("r0")).all()


@pytest.mark.parametrize("job", ["trim", "features"])
def test_damaged_audio_enters_neither_cache_nor_store(tmp_path: Path, defaults: params.Params, job: str) -> None:
    speech, fill = store_of(tmp_path, defaults)
    cache, shard, wav = Cache(tmp_path / "cache"), tmp_path / "s.zarr" / "mfcc" / "c" / "0" / "0", speech.wav
    content = wav.path.read_bytes()

    def compute() -> bytes:
        if job == "trim":
            detection = defaults.silence
            options: Any = {"left_out": frozenset(), "keep": True}
            return trim.find([wav], sample_rate=RATE, detection=detection, cache=cache, **options)[0]
        fill()
        return shard.read_bytes()

    wav.path.write_bytes(content[:100_000] + bytes(20_000) + content[120_000:])
    with pytest.raises(ArtifactError, match=r"the audio of '0\.flac', is not what ingest wrote"):
        compute()
    assert not cache.size()
    assert not shard.exists()
    wav.path.write_bytes(content)
    expected = compute()
    wav.path.unlink()  # read from the cache now
    assert compute() == expected


def test_a_recording_that_is_left_out_has_no_features_and_a_trial_writes_nothing(
    tmp_path: Path, defaults: params.Params
) -> None:
    _, fill = store_of(tmp_path, defaults)
    shard = tmp_path / "s.zarr" / "mfcc" / "c" / "0" / "0"
    assert fill(keep=False) == (frozenset(), False)
    assert not shard.exists()
    assert fill(frozenset({0})) == (frozenset({0}), False)
    assert np.isnan(FeatureStore.open(tmp_path / "s.zarr").features("r0")).all()
    assert not Cache(tmp_path / "cache").size()


def test_the_kernel_of_the_cache_is_the_one_that_was_made(tmp_path: Path, defaults: params.Params) -> None:
    cache, wanted = Cache(tmp_path / "cache"), make_kernel(defaults.mfcc, RATE)

    def same() -> bool:
        found = features.kernel_of(defaults.mfcc, RATE, cache)
        names = ("window", "mel", "cosines")
        equal = [getattr(found, name).tobytes() == getattr(wanted, name).tobytes() for name in names]
        return all(equal) and found.hop_length == wanted.hop_length

    assert same()
    [entry] = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert same()
    entry.write_bytes(entry.read_bytes()[:-1])
    assert same()
    other = features.kernel_of(defaults.mfcc.model_copy(update={"n_mels": 80}), RATE, cache)
    assert other.mel.shape[1] == 80
