"""Every shard has its file, which zarr alone can read; rows are read as they were written; any damage is refused."""

import re
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ArtifactError
from pipeline.shards import layout, writer
from pipeline.shards.reader import RowReader
from pipeline.store.feature_store import FeatureStore
from tests.programs import digests
from tests.stores import build


def test_a_folder_that_is_no_store_of_this_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"nowhere\.zarr is not a feature store: \S+zarr\.json is missing or damaged"
    ):
        RowReader.open(tmp_path / "nowhere.zarr")
    zarr.create_group(tmp_path / "old.zarr", attributes={"schema": 0})
    with pytest.raises(ArtifactError, match="schema 0, this version reads 2"):
        RowReader.open(tmp_path / "old.zarr")


SLICES = [(0, 760), (0, 64), (5, 60), (0, 16), (50, 70), (64, 120)]  # whole shards, parts of them, and both


@pytest.mark.slow
@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), opened=st.booleans())
def test_no_damage_is_ever_read_whether_the_store_was_opened_before_or_not(
    noisy: FeatureStore, seed: int, opened: bool
) -> None:
    path, rng = Path(noisy.source.name), np.random.default_rng(seed)
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    file = files[rng.integers(len(files))]
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    damaged = [flipped, flipped, content[: rng.integers(len(content))], b"", None][rng.integers(5)]
    wanted = {rows: (noisy.mfcc_rows(*rows), noisy.speech_rows(*rows)) for rows in SLICES}
    before, said = RowReader.open(path), list[str]()
    try:
        file.write_bytes(damaged or b"")
        if damaged is None:
            file.unlink()
        if damaged is None and rng.random() < 0.5:
            file.mkdir()
        for rows, (mfcc, speech) in wanted.items():
            try:
                reader = before if opened else RowReader.open(path)
                np.testing.assert_array_equal(reader.mfcc_rows(*rows), mfcc)
                np.testing.assert_array_equal(reader.speech_rows(*rows), speech)
            except ArtifactError as error:
                said.append(str(error))
    finally:
        if file.is_dir():
            file.rmdir()
        file.write_bytes(content)
    name = file.relative_to(path).as_posix()
    assert said or (opened and not re.match("(mfcc|speech)/c/", name))  # nothing reads the other files again
    assert all(re.match(rf"{re.escape(str(path))}.*{name}.*run `dvc repro`", sentence) for sentence in said)


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
            mfcc = np.arange(280, dtype=np.float32).reshape(70, 4)
            store = build(tmp_path / name, ["a"], ["x"], ["s"], [70], mfcc, np.zeros(70, bool))
            assert store.lengths == [70]
            stores.append(digests(tmp_path / name))
    assert stores[0] == stores[1]
