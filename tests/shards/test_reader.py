"""Rows are read as they were written; a store of another schema and any damage are refused in one sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ArtifactError
from pipeline.shards import layout
from pipeline.shards.reader import RowReader
from pipeline.store.feature_store import FeatureStore
from tests.stores import build


def test_a_folder_that_is_no_store_of_this_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"nowhere\.zarr is not a feature store: \S+zarr\.json is missing or damaged"
    ):
        RowReader.open(tmp_path / "nowhere.zarr")
    zarr.create_group(tmp_path / "old.zarr", attributes={"schema": 0})
    with pytest.raises(ArtifactError, match="schema 0, this version reads 2"):
        RowReader.open(tmp_path / "old.zarr")


@given(seed=st.integers(0, 2**32 - 1))
def test_damage_outside_of_the_shards_is_never_read(noisy: FeatureStore, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [Path(noisy.source.name) / name for name in ("zarr.json", *layout.CHECKSUMMED_FILES)]
    file = files[rng.integers(len(files))]
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[rng.integers(len(flipped))] ^= 1 << int(rng.integers(8))
    cut = content[: rng.integers(len(content))]
    try:
        if rng.random() < 0.2:
            file.unlink()
        else:
            file.write_bytes(cut if rng.random() < 0.3 else flipped)
        with pytest.raises(ArtifactError, match=re.escape(str(Path(noisy.source.name)))):
            RowReader.open(Path(noisy.source.name))
    finally:
        file.write_bytes(content)


@pytest.mark.slow
def test_no_flipped_bit_of_a_shard_is_ever_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK_ROWS", 16)
    monkeypatch.setattr(layout, "SHARD_ROWS", 64)
    path = tmp_path / "s.zarr"
    rng = np.random.default_rng(0)
    mfcc = rng.normal(size=(100, 8)).astype(np.float32)
    build(path, ["a"], ["english"], ["x"], [100], mfcc, np.ones(100, bool))
    slices = [(0, 100), (0, 64), (5, 60), (0, 16), (50, 70), (64, 100)]
    reader = RowReader.open(path)
    for start, stop in slices:
        assert np.array_equal(reader.mfcc_rows(start, stop), mfcc[start:stop])
    refused = 0
    for file in sorted((path / "mfcc" / "c").rglob("*/0")):
        content = file.read_bytes()
        for position in rng.integers(len(content), size=25):
            damaged = bytearray(content)
            damaged[position] ^= 1 << int(rng.integers(8))
            file.write_bytes(damaged)
            for start, stop in slices:
                try:
                    assert np.array_equal(RowReader.open(path).mfcc_rows(start, stop), mfcc[start:stop])
                except ArtifactError:
                    refused += 1
        file.write_bytes(content)
    assert refused > 120


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "empty"])
@pytest.mark.parametrize("name", ["mfcc/c/0/0", "speech/c/0"])
def test_a_shard_damaged_before_or_after_the_store_is_opened_is_reported(
    tmp_path: Path, name: str, damage: str
) -> None:
    path, rng = tmp_path / "s.zarr", np.random.default_rng(0)
    build(
        path, ["a"], ["english"], ["x"], [3000], rng.normal(size=(3000, 8)).astype(np.float32), rng.random(3000) < 0.5
    )
    reader, file = RowReader.open(path), path / name
    content = file.read_bytes()
    flipped = content[:20] + bytes([content[20] ^ 1]) + content[21:]
    file.write_bytes({"cut": content[:-4], "flip": flipped}.get(damage, b""))
    if damage == "gone":
        file.unlink()
    read = reader.mfcc_rows if name.startswith("mfcc") else reader.speech_rows
    with pytest.raises(ArtifactError, match=rf"s\.zarr: rows .*{name}.*; delete .*s\.zarr and run `dvc repro`"):
        read(0, 3000)
    if damage in ("gone", "empty"):
        with pytest.raises(ArtifactError, match=rf"s\.zarr/{name} is missing.*; delete .* run `dvc repro`"):
            RowReader.open(path)
