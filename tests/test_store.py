"""What is open is whole and of this schema, or is refused in one sentence."""

from pathlib import Path

import pytest
import zarr

from pipeline import shards
from pipeline.errors import ArtifactError
from pipeline.store import FeatureStore


def test_the_store_opens_with_zarr_alone(tmp_path: Path) -> None:
    shards.create(tmp_path / "s.zarr", ["a", "b"], ["english", "हिन्दी"], ["x", "y"], [3, 4], 5, {"sample_rate": 16000})
    group = zarr.open_group(tmp_path / "s.zarr", mode="r")
    assert group["mfcc"].shape == (7, 5)
    assert group["mfcc"].shards == (65536, 5)
    assert group["mfcc"].chunks == (1024, 5)
    assert list(group["recording/language"][:]) == ["english", "हिन्दी"]
    assert group["recording/start"][:].tolist() == [0, 3]
    assert group["recording/length"][:].tolist() == [3, 4]
    assert dict(group.attrs) == {"schema": 1, "sample_rate": 16000}


def test_what_is_no_store_of_this_schema_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.zarr is not a feature store; run `dvc repro`"):
        FeatureStore.open(tmp_path / "nowhere.zarr")
    zarr.create_group(tmp_path / "old.zarr", attributes={"schema": 0})
    with pytest.raises(ArtifactError, match="schema 0, this version reads 1"):
        FeatureStore.open(tmp_path / "old.zarr")
