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

from pipeline import cluster, features, mfcc, params, shards, silence
from pipeline.audio import Samples
from pipeline.memo import Memo
from pipeline.store import FeatureStore


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30), rows=st.integers(1, 64))
def test_shards_own_every_row_once_and_in_order(lengths: list[int], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", rows)
        dealt = list(shards.deal(lengths))
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
        soundfile.write(folder / f"{number}.wav", signal, 16000, subtype="PCM_16")
        spans = silence.kept_spans([signal], 16000, 1.0)
        found.append(features.Source(folder / f"{number}.wav", len(signal), str(number), spans))
    return found


def build(
    path: Path, sources: list[features.Source], settings: params.Mfcc, workers: int, kept: Memo
) -> dict[str, str]:
    """Compute a store on a cluster of so many processes; the sha256 of every file."""
    ids = [f"r{number}" for number in range(len(sources))]
    shards.create(
        path,
        ids=ids,
        languages=["english"] * len(ids),
        speakers=ids,
        lengths=features.lengths(sources, 160),
        n_mfcc=settings.n_mfcc,
        attributes={"mfcc": dict(settings)},
    )
    batches = features.batches(sources, settings, 16000, kept)
    fill = functools.partial(features.fill, path=path, kernel=mfcc.kernel(settings, 16000), top_db=None, kept=kept)
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        dask.config.set({"scheduler-address": local.scheduler_address}),
        cluster.connect() as client,
    ):
        cluster.map(client, fill, batches, folder=path, lost=features.killed, job="features", unit="pieces")
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
    kernel = mfcc.kernel(defaults.mfcc, 16000)
    for number, source in enumerate(sources):
        signal = soundfile.read(source.path, dtype="int16")[0]
        wanted = mfcc.whole(kernel, signal)
        np.testing.assert_allclose(opened.features(f"r{number}"), wanted, atol=1e-3)
        flags = silence.flags(source.spans, source.samples, 160, 0, len(wanted))
        np.testing.assert_array_equal(opened.flags(f"r{number}"), flags)
