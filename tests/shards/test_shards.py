"""Every row of the store has one owner, and the bytes do not depend on who computed them."""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import soundfile
from distributed import LocalCluster
from hypothesis import given
from hypothesis import strategies as st

from pipeline import mfcc, params
from pipeline.audio.convert import convert
from pipeline.audio.samples import Samples
from pipeline.audio.wav import Wav
from pipeline.cluster import dispatch
from pipeline.errors import ArtifactError
from pipeline.jobs import features, trim
from pipeline.jobs.memo import Memo
from pipeline.shards import layout, writer
from pipeline.silence.spans import frame_flags, kept_spans
from pipeline.store.feature_store import FeatureStore


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30), rows=st.integers(1, 64))
def test_shards_own_every_row_once_and_in_order(lengths: list[int], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SHARD", rows)
        dealt = list(layout.deal(lengths))
    owners = [
        (number, piece.first + frame)
        for shard in dealt
        for piece in shard.pieces
        for number, frame in [(piece.recording, frame) for frame in range(piece.count)]
    ]
    assert owners == [(number, frame) for number, length in enumerate(lengths) for frame in range(length)]
    assert [shard.start for shard in dealt] == list(range(0, sum(lengths), rows))
    for shard in dealt:
        assert shard.pieces[0].row == shard.start
        assert sum(piece.count for piece in shard.pieces) == shard.stop - shard.start <= rows


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, babble: Callable[[int, int], Samples]) -> list[features.Source]:
    """Recordings of which the second lies across the first border between shards (11 minutes)."""
    folder = tmp_path_factory.mktemp("audio")
    found = []
    for number, seconds in enumerate((500.0, 400.0, 0.5, 3.0)):
        signal = babble(number, int(seconds * 16000))
        spans = kept_spans([signal], 16000, 1.0)
        found.append(features.Source(ingested(folder, number, signal), spans))
    return found


def ingested(folder: Path, number: int, signal: Samples) -> Wav:
    soundfile.write(folder / f"{number}.flac", signal, 16000)
    measures = convert(folder / f"{number}.flac", folder / f"{number}.wav", 16000, 0.0)
    return Wav(folder / f"{number}.wav", f"{number}.flac", measures.samples, measures.sha256, measures.crc32c)


def build(
    path: Path, sources: list[features.Source], settings: params.Mfcc, workers: int, kept: Memo
) -> dict[str, str]:
    """Compute a store on a cluster of so many processes; the sha256 of every file."""
    ids = [f"r{number}" for number in range(len(sources))]
    writer.create(
        path,
        ids=ids,
        languages=["english"] * len(ids),
        speakers=ids,
        lengths=features.lengths(sources, 160),
        n_mfcc=settings.n_mfcc,
        attributes={"mfcc": dict(settings)},
    )
    batches = features.batches(sources, settings, 16000, kept)
    fill = functools.partial(features.fill, path=path, kernel=mfcc.make_kernel(settings, 16000), top_db=None, kept=kept)
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        dask.config.set({"scheduler-address": local.scheduler_address}),
        dispatch.connect() as client,
    ):
        dispatch.map(client, fill, batches, folder=path, lost=features.lost, job="features", unit="pieces")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_one_and_two_workers_write_the_same_bytes(
    tmp_path: Path, sources: list[features.Source], defaults: params.Params
) -> None:
    one = build(tmp_path / "one.zarr", sources, defaults.mfcc, 1, Memo(tmp_path / "memo of one"))
    two = build(tmp_path / "two.zarr", sources, defaults.mfcc, 2, Memo(tmp_path / "memo of two"))
    again = build(tmp_path / "again.zarr", sources, defaults.mfcc, 2, Memo(tmp_path / "memo of one"))
    assert one == two == again
    assert sum(name.startswith("mfcc/c/") for name in one) == 2  # one file a shard

    opened = FeatureStore.open(tmp_path / "two.zarr")
    kernel = mfcc.make_kernel(defaults.mfcc, 16000)
    for number, source in enumerate(sources):
        signal = soundfile.read(source.wav.path, dtype="int16")[0]
        wanted = mfcc.whole(kernel, signal)
        np.testing.assert_allclose(opened.features(f"r{number}"), wanted, atol=1e-3)
        flags = frame_flags(source.spans, source.wav.samples, 160, 0, len(wanted))
        np.testing.assert_array_equal(opened.flags(f"r{number}"), flags)


@pytest.mark.parametrize("job", ["trim", "features"])
def test_damaged_audio_enters_neither_memo_nor_store(
    tmp_path: Path, babble: Callable[[int, int], Samples], defaults: params.Params, job: str
) -> None:
    kept = Memo(tmp_path / "memo")
    wav = ingested(tmp_path, 0, babble(0, 160_000))
    content = wav.path.read_bytes()
    source = features.Source(wav, kept_spans([babble(0, 160_000)], 16000, 1.0))
    path = tmp_path / "s.zarr"
    writer.create(path, ["r0"], ["english"], ["s"], features.lengths([source], 160), defaults.mfcc.n_mfcc, {})

    def compute() -> object:
        if job == "trim":
            return trim.find([wav], 16000, defaults.silence, kept)[0].spans.tolist()
        [batch] = features.batches([source], defaults.mfcc, 16000, kept)
        features.fill(batch, path, mfcc.make_kernel(defaults.mfcc, 16000), None, kept)
        return layout.packed(path, 0).read_bytes()

    wav.path.write_bytes(content[:100_000] + bytes(20_000) + content[120_000:])
    with pytest.raises(ArtifactError, match=r"the audio of '0\.flac', is not what ingest wrote"):
        compute()
    assert not kept.size()
    assert not layout.packed(path, 0).exists()
    wav.path.write_bytes(content)
    wanted = compute()
    wav.path.unlink()  # from the memo now
    assert compute() == wanted
