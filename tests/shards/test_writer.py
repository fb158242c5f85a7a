"""Every shard has its file, whatever it contains, and zarr alone can read it."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shards import layout, writer
from pipeline.shards.reader import RowReader


def test_the_store_opens_with_zarr_alone(tmp_path: Path) -> None:
    writer.create(tmp_path / "s.zarr", ["a", "b"], ["english", "हिन्दी"], ["x", "y"], [3, 4], 5, {"sample_rate": 16000})
    group = zarr.open_group(tmp_path / "s.zarr", mode="r")
    mfcc = layout.open_array(group, "mfcc")
    assert mfcc.shape == (7, 5)
    assert mfcc.shards == (65536, 5)
    assert mfcc.chunks == (1024, 5)
    columns = ("language", "start", "length")
    table = {name: np.asarray(layout.open_array(group, f"recording/{name}")[:]).tolist() for name in columns}
    assert table == {"language": ["english", "हिन्दी"], "start": [0, 3], "length": [3, 4]}
    assert {"schema": 2, "sample_rate": 16000}.items() <= dict(group.attrs).items()


@pytest.mark.slow
@settings(max_examples=25)
@given(
    speech=st.lists(st.booleans(), min_size=1, max_size=6),
    computed=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_every_shard_has_its_file_whatever_it_contains(speech: list[bool], computed: list[bool]) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(layout, "CHUNK_ROWS", 4)
        patch.setattr(layout, "SHARD_ROWS", 8)
        path, rows = Path(folder) / "s.zarr", 8 * len(speech)
        flags = np.repeat(speech, 8)
        mfcc = np.where(np.repeat(computed[: len(speech)], 8)[:, None], np.float32(1), np.float32(np.nan))
        writer.create(path, ["a"], ["english"], ["x"], [rows], 1, {})
        for start in range(0, rows, 8):
            writer.write(path, start, mfcc[start : start + 8], flags[start : start + 8])
        reader = RowReader.open(path)
        assert np.array_equal(reader.speech_rows(0, rows), flags)
        assert np.array_equal(reader.mfcc_rows(0, rows), mfcc, equal_nan=True)


def test_the_packed_mfccs_of_a_shard_can_be_written_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mfcc, speech = rng.normal(size=(30, 3)).astype(np.float32), rng.random(30) < 0.5
    for name in ("one", "two"):
        writer.create(tmp_path / name, ["a"], ["english"], ["x"], [30], 3, {})
    writer.write(tmp_path / "one", 0, mfcc, speech)
    writer.write(tmp_path / "two", 0, layout.mfcc_file(tmp_path / "one", 0).read_bytes(), speech)
    assert np.array_equal(RowReader.open(tmp_path / "two").mfcc_rows(0, 30), mfcc)


def test_a_failed_recording_is_marked_and_its_frames_are_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK_ROWS", 4)
    monkeypatch.setattr(layout, "SHARD_ROWS", 8)
    path = tmp_path / "s.zarr"
    writer.create(path, ["a", "b"], ["english"] * 2, ["x", "y"], [8, 20], 2, {})
    writer.write(path, 0, np.ones((8, 2), np.float32), np.ones(8, bool))
    pieces = [piece for shard in layout.deal([8, 20]) for piece in shard.pieces if piece.index == 1]
    writer.mark_failed(path, {"b": pieces})
    reader = RowReader.open(path)
    assert reader.failed == {"b"}
    assert np.isfinite(reader.mfcc_rows(0, 8)).all()
    assert np.isnan(reader.mfcc_rows(8, 28)).all()
    assert not reader.speech_rows(8, 28).any()


def test_the_bytes_of_a_store_do_not_depend_on_settings_of_zarr(tmp_path: Path) -> None:
    foreign = {
        "default_zarr_format": 2, "json_indent": 7, "array.order": "F", "array.write_empty_chunks": True,
        "codecs.blosc": "nothing.Here", "codec_pipeline.path": "no.Pipeline", "codec_pipeline.batch_size": 9,
    }  # fmt: skip
    stores = []
    for name, configured in (("plain", {}), ("foreign", foreign)):
        with zarr.config.set(configured):
            path = tmp_path / name
            writer.create(path, ["a"], ["x"], ["s"], [70], 4, {})
            writer.write(path, 0, np.arange(280, dtype=np.float32).reshape(70, 4), np.zeros(70, bool))
            assert RowReader.open(path).lengths == [70]
            stores.append(
                {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
            )
    assert stores[0] == stores[1]
