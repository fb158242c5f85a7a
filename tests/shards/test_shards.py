"""Every shard has its file, which zarr alone can read; rows are read as they were written; any damage is refused."""

import re
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ArtifactError
from pipeline.shards import layout, writer
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
    files = [path for path in sorted(Path(noisy.source.name).rglob("*")) if path.is_file()]
    others = [path for path in files if not path.match("mfcc/c/*/0") and not path.match("speech/c/*")]
    file = others[rng.integers(len(others))]
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
    path, mfcc = tmp_path / "s.zarr", np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    build(path, ["a"], ["english"], ["x"], [3000], mfcc, mfcc[:, 0] > 0)
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


def test_the_store_opens_with_zarr_alone(tmp_path: Path) -> None:
    languages, attributes = ["english", "हिन्दी"], {"sample_rate": 16000}
    writer.create(tmp_path / "s.zarr", ["a", "b"], languages, ["x", "y"], [0, 3], [3, 4], 5, attributes)
    group = zarr.open_group(tmp_path / "s.zarr", mode="r")
    mfcc = layout.open_array(group, "mfcc")
    assert mfcc.shape == (7, 5)
    assert mfcc.shards == (65536, 5)
    assert mfcc.chunks == (1024, 5)
    columns = ("language", "start", "length")
    table = {name: np.asarray(layout.open_array(group, f"recording/{name}")[:]).tolist() for name in columns}
    assert table == {"language": ["english", "हिन्दी"], "start": [0, 3], "length": [3, 4]}
    assert {"schema": 2, "sample_rate": 16000}.items() <= dict(group.attrs).items()


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11)),
    failed=st.sets(st.integers(0, 11)),
    block=st.integers(1, 50),
)
def test_parts_have_shards_of_their_own_whatever_they_contain_and_what_they_leave_over_is_unwritten(
    lengths: list[int], cuts: set[int], failed: set[int], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(layout, "CHUNK_ROWS", 4)
        patch.setattr(layout, "SHARD_ROWS", 16)
        path, names = Path(folder) / "s.zarr", [str(number) for number in range(len(lengths))]
        parts = [range(*pair) for pair in pairwise(sorted({0, *(cuts & {*range(len(lengths))}), len(lengths)}))]
        starts = layout.row_starts(lengths, parts)
        writer.create(path, names, names, names, starts, lengths, 1, {})
        values = [np.nan if number in failed else number for number in range(len(lengths))]
        mfcc = np.repeat(np.array(values, np.float32), lengths)[:, None]
        edges = np.cumsum([0, *lengths])
        for part in parts:
            assert starts[part.start] % 16 == 0
            rows = mfcc[edges[part.start] : edges[part.stop]]
            writer.write(path, "mfcc", starts[part.start], [rows[at : at + block] for at in range(0, len(rows), block)])
            writer.write(path, "speech", starts[part.start], [np.isfinite(rows[:, 0])])
        reader = RowReader.open(path)  # every shard has its file
        taken = np.zeros(reader.mfcc.shape[0], bool)
        for start, length, edge in zip(starts, lengths, edges, strict=False):
            assert not taken[start : start + length].any()
            taken[start : start + length] = True
            found = reader.mfcc_rows(start, start + length)
            assert np.array_equal(found, mfcc[edge : edge + length], equal_nan=True)
        whole = reader.mfcc_rows(0, len(taken))
        assert np.isnan(whole[~taken]).all()
        assert np.array_equal(reader.speech_rows(0, len(taken)), np.isfinite(whole[:, 0]))


def test_the_bytes_of_a_store_do_not_depend_on_settings_of_zarr(tmp_path: Path) -> None:
    foreign = {
        "default_zarr_format": 2, "json_indent": 7, "array.order": "F", "array.write_empty_chunks": True,
        "codecs.blosc": "nothing.Here", "codec_pipeline.path": "no.Pipeline", "codec_pipeline.batch_size": 9,
    }  # fmt: skip
    stores = []
    for name, configured in (("plain", {}), ("foreign", foreign)):
        with zarr.config.set(configured):
            path = tmp_path / name
            build(path, ["a"], ["x"], ["s"], [70], np.arange(280, dtype=np.float32).reshape(70, 4), np.zeros(70, bool))
            assert RowReader.open(path).lengths == [70]
            stores.append(
                {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
            )
    assert stores[0] == stores[1]
