"""What is open is whole and of this schema, or is refused in one sentence."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.shards import layout, writer
from pipeline.shards.layout import Piece
from pipeline.store.feature_store import FeatureStore
from pipeline.tables import SplitRow


def test_the_store_opens_with_zarr_alone(tmp_path: Path) -> None:
    writer.create(tmp_path / "s.zarr", ["a", "b"], ["english", "हिन्दी"], ["x", "y"], [3, 4], 5, {"sample_rate": 16000})
    group = zarr.open_group(tmp_path / "s.zarr", mode="r")
    assert group["mfcc"].shape == (7, 5)
    assert group["mfcc"].shards == (65536, 5)
    assert group["mfcc"].chunks == (1024, 5)
    assert list(group["recording/language"][:]) == ["english", "हिन्दी"]
    assert group["recording/start"][:].tolist() == [0, 3]
    assert group["recording/length"][:].tolist() == [3, 4]
    assert {"schema": 2, "sample_rate": 16000}.items() <= dict(group.attrs).items()


def test_what_is_no_store_of_this_schema_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"nowhere\.zarr is not a feature store: \S+zarr\.json is missing or damaged"
    ):
        FeatureStore.open(tmp_path / "nowhere.zarr")
    zarr.create_group(tmp_path / "old.zarr", attributes={"schema": 0})
    with pytest.raises(ArtifactError, match="schema 0, this version reads 2"):
        FeatureStore.open(tmp_path / "old.zarr")


def test_recordings_of_which_no_features_could_be_computed_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    writer.create(path, ["a", "b", "c"], ["english"] * 3, ["x", "y", "z"], [3, 4, 5], 2, {})
    writer.write(path, 0, np.ones((3, 2), np.float32), np.ones(3, bool))
    writer.write(path, 7, np.ones((5, 2), np.float32), np.ones(5, bool))
    writer.give_up(path, {"b": [Piece(1, 0, 4, 3)]})
    store = FeatureStore.open(path)
    assert [len(example.features) for example in store.select()] == [3, 5]
    assert np.isfinite(store.select().numpy().features).all()
    members = [SplitRow(name, "english", "x", name, 1.0) for name in "abc"]
    assert [member.recording for member in store.without_killed(members)] == ["a", "c"]


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_shard_is_told_with_what_to_do(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.zarr"
    rng = np.random.default_rng(0)
    writer.create(path, ["a"], ["english"], ["x"], [3000], 8, {})
    writer.write(path, 0, rng.normal(size=(3000, 8)).astype(np.float32), np.ones(3000, bool))
    file = path / "mfcc" / "c" / "0" / "0"
    content = bytearray(file.read_bytes())
    content[20_000] ^= 1
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-4] if damage == "cut" else content)
    with pytest.raises(ArtifactError, match=r"s\.zarr.*mfcc.*; delete .*s\.zarr and run `dvc repro`"):
        FeatureStore.open(path).features("a")


def test_no_flipped_bit_of_a_shard_is_ever_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK", 16)
    monkeypatch.setattr(layout, "SHARD", 64)
    path = tmp_path / "s.zarr"
    rng = np.random.default_rng(0)
    mfcc = rng.normal(size=(100, 8)).astype(np.float32)
    writer.create(path, ["a"], ["english"], ["x"], [100], 8, {})
    for rows in (slice(0, 64), slice(64, 100)):
        writer.write(path, rows.start, mfcc[rows], np.ones(rows.stop - rows.start, bool))
    slices = [(0, 100), (0, 64), (5, 60), (0, 16), (50, 70), (64, 100)]
    store = FeatureStore.open(path)
    for start, stop in slices:
        assert np.array_equal(store.mfcc_rows(start, stop), mfcc[start:stop])
    refused = 0
    for file in sorted((path / "mfcc" / "c").rglob("*/0")):
        content = file.read_bytes()
        for position in rng.integers(len(content), size=60):
            damaged = bytearray(content)
            damaged[position] ^= 1 << int(rng.integers(8))
            file.write_bytes(damaged)
            for start, stop in slices:
                try:
                    assert np.array_equal(FeatureStore.open(path).mfcc_rows(start, stop), mfcc[start:stop])
                except ArtifactError:
                    refused += 1
        file.write_bytes(content)
    assert refused > 300


@settings(max_examples=25)
@given(
    speech=st.lists(st.booleans(), min_size=1, max_size=6),
    computed=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_every_shard_has_its_file_whatever_it_contains(speech: list[bool], computed: list[bool]) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(layout, "CHUNK", 4)
        patch.setattr(layout, "SHARD", 8)
        path, rows = Path(folder) / "s.zarr", 8 * len(speech)
        flags = np.repeat(speech, 8)
        mfcc = np.where(np.repeat(computed[: len(speech)], 8)[:, None], np.float32(1), np.float32(np.nan))
        writer.create(path, ["a"], ["english"], ["x"], [rows], 1, {})
        for start in range(0, rows, 8):
            writer.write(path, start, mfcc[start : start + 8], flags[start : start + 8])
        store = FeatureStore.open(path)
        assert np.array_equal(store.flags("a"), flags)
        assert np.array_equal(store.features("a"), mfcc, equal_nan=True)


def test_a_recording_that_fills_a_shard_and_could_not_be_computed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "CHUNK", 4)
    monkeypatch.setattr(layout, "SHARD", 8)
    path = tmp_path / "s.zarr"
    writer.create(path, ["a", "b"], ["english"] * 2, ["x", "y"], [8, 20], 2, {})
    writer.write(path, 0, np.ones((8, 2), np.float32), np.ones(8, bool))
    pieces = [piece for shard in layout.deal([8, 20]) for piece in shard.pieces if piece.recording == 1]
    writer.give_up(path, {"b": pieces})
    store = FeatureStore.open(path)
    assert [len(example.features) for example in store.select()] == [8]
    assert np.isnan(store.mfcc_rows(8, 28)).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_damage_outside_of_the_shards_is_never_read(noisy: FeatureStore, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [noisy.path / name for name in ("zarr.json", *layout.DESCRIBING)]
    file = files[rng.integers(len(files))]
    content = file.read_bytes()
    harmed = bytearray(content)
    harmed[rng.integers(len(harmed))] ^= 1 << int(rng.integers(8))
    cut = content[: rng.integers(len(content))]
    try:
        if rng.random() < 0.2:
            file.unlink()
        else:
            file.write_bytes(cut if rng.random() < 0.3 else harmed)
        with pytest.raises(ArtifactError, match=re.escape(str(noisy.path))):
            FeatureStore.open(noisy.path)
    finally:
        file.write_bytes(content)


def test_a_shard_that_goes_missing_while_the_store_is_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    writer.create(path, ["a"], ["english"], ["x"], [30], 2, {})
    writer.write(path, 0, np.ones((30, 2), np.float32), np.ones(30, bool))
    store = FeatureStore.open(path)
    (path / "mfcc/c/0/0").unlink()
    (path / "speech/c/0").write_bytes(b"")
    with pytest.raises(ArtifactError, match="mfcc/c/0/0"):
        store.features("a")
    with pytest.raises(ArtifactError, match="speech/c/0"):
        store.flags("a")


@pytest.mark.parametrize("rows", [(-1, None), (-5, 3), (3, 2), (0, -1), (5, None)])
def test_frames_outside_of_a_recording_are_refused(tmp_path: Path, rows: tuple[int, int | None]) -> None:
    path = tmp_path / "s.zarr"
    writer.create(path, ["a", "b"], ["english"] * 2, ["x", "y"], [4, 4], 2, {})
    writer.write(path, 0, np.ones((8, 2), np.float32), np.ones(8, bool))
    for read in (FeatureStore.open(path).features, FeatureStore.open(path).flags):
        with pytest.raises(ArgumentError, match="'b' has frames 0 to 4"):
            read("b", *rows)
