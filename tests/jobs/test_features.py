"""The bytes of a store do not depend on who computed them, and damaged audio does not enter it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import soundfile
from distributed import LocalCluster

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.wav import Wav
from pipeline.cluster import engine
from pipeline.errors import ArtifactError
from pipeline.jobs import features, trim
from pipeline.jobs.features import FEATURES, Source
from pipeline.jobs.memo import Memo
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole
from pipeline.rows import RecordingRow
from pipeline.shards import layout, writer
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import frame_flags, sox_spans
from pipeline.store.feature_store import FeatureStore
from tests.audio.written import write

RATE = 16000


def ingested(folder: Path, name: str, signal: Samples) -> Wav:
    soundfile.write(folder / f"{name}.flac", signal, RATE)
    measures = write(folder / f"{name}.flac", folder / f"{name}.wav", RATE)
    return Wav(folder / f"{name}.wav", f"{name}.flac", len(signal), measures.sha256, measures.crc32c)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, babble: Callable[[int, int], Samples]) -> list[Source]:
    """Four recordings; the second lies across the first border between shards (11 minutes)."""
    folder = tmp_path_factory.mktemp("audio")
    signals = [babble(seed, int(seconds * RATE)) for seed, seconds in enumerate((500.0, 400.0, 0.5, 3.0))]
    return [
        Source(ingested(folder, f"r{index}", signal), sox_spans([signal], SoxRule(RATE, 1.0)))
        for index, signal in enumerate(signals)
    ]


def build(path: Path, sources: list[Source], settings: params.Mfcc, workers: int, memo: Memo) -> dict[str, str]:
    """Compute a store on a cluster of this number of processes; return the sha256 of every file."""
    rows = [
        RecordingRow(f"r{index}", source.wav.name, "english", "x", "", 0.0, source.wav.n_samples, RATE, 1, "FLAC",
                     source.wav.sha256, 0.0, 0.0, 0.0, 0.0)
        for index, source in enumerate(sources)
    ]  # fmt: skip
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        dask.config.set({"scheduler-address": local.scheduler_address}),
        engine.connect(FEATURES) as client,
    ):
        features.run(client, rows, sources, path, settings, RATE, memo)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.cluster
def test_one_and_two_workers_write_the_same_bytes(
    tmp_path: Path, sources: list[Source], defaults: params.Params
) -> None:
    one = build(tmp_path / "one.zarr", sources, defaults.mfcc, 1, Memo(tmp_path / "memo of one"))
    two = build(tmp_path / "two.zarr", sources, defaults.mfcc, 2, Memo(tmp_path / "memo of two"))
    again = build(tmp_path / "again.zarr", sources, defaults.mfcc, 2, Memo(tmp_path / "memo of one"))
    assert one == two == again
    assert sum(name.startswith("mfcc/c/") for name in one) == 2  # one file per shard

    store = FeatureStore.open(tmp_path / "two.zarr")
    kernel = make_kernel(defaults.mfcc, RATE)
    for recording, source in zip(store.ids, sources, strict=True):
        expected = whole(kernel, soundfile.read(source.wav.path, dtype="int16")[0])
        np.testing.assert_allclose(store.features(recording), expected, atol=1e-3)
        flags = frame_flags(source.spans, source.wav.n_samples, 160, 0, len(expected))
        np.testing.assert_array_equal(store.flags(recording), flags)


@pytest.mark.parametrize("job", ["trim", "features"])
def test_damaged_audio_enters_neither_memo_nor_store(
    tmp_path: Path, babble: Callable[[int, int], Samples], defaults: params.Params, job: str
) -> None:
    memo = Memo(tmp_path / "memo")
    wav = ingested(tmp_path, "0", babble(0, 160_000))
    content = wav.path.read_bytes()
    source = Source(wav, sox_spans([babble(0, 160_000)], SoxRule(RATE, 1.0)))
    path = tmp_path / "s.zarr"
    writer.create(path, ["r0"], ["english"], ["s"], features.lengths([source], 160), defaults.mfcc.n_mfcc, {})

    def compute() -> object:
        if job == "trim":
            return trim.find([wav], RATE, defaults.silence, memo)[0].spans.tolist()
        [parts] = features.batches([source], defaults.mfcc, RATE, memo)
        features.fill(parts, path, make_kernel(defaults.mfcc, RATE), None, memo)
        return layout.mfcc_file(path, 0).read_bytes()

    wav.path.write_bytes(content[:100_000] + bytes(20_000) + content[120_000:])
    with pytest.raises(ArtifactError, match=r"the audio of '0\.flac', is not what ingest wrote"):
        compute()
    assert not memo.size()
    assert not layout.mfcc_file(path, 0).exists()
    wav.path.write_bytes(content)
    expected = compute()
    wav.path.unlink()  # read from the memo now
    assert compute() == expected


def test_the_kernel_of_the_memo_is_the_one_that_was_made(tmp_path: Path, defaults: params.Params) -> None:
    memo, wanted = Memo(tmp_path / "memo"), make_kernel(defaults.mfcc, RATE)

    def same() -> bool:
        found = features.kernel_of(defaults.mfcc, RATE, memo)
        names = ("window", "mel", "cosines")
        equal = [getattr(found, name).tobytes() == getattr(wanted, name).tobytes() for name in names]
        return all(equal) and found.hop_length == wanted.hop_length

    assert same()
    [entry] = [path for path in (tmp_path / "kernels").rglob("*") if path.is_file()]
    assert same()
    entry.write_bytes(entry.read_bytes()[:-1])
    assert same()
    other = features.kernel_of(defaults.mfcc.model_copy(update={"n_mels": 80}), RATE, memo)
    assert other.mel.shape[1] == 80
