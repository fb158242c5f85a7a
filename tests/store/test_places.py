"""Stores that are not in a folder: behind a URL, in any Zarr store, in a DVC repository at a revision."""

import asyncio
import pickle
import shutil
import subprocess
from pathlib import Path

import boto3
import numpy as np
import pytest
import zarr

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.store.feature_store import FeatureStore
from tests import s3
from tests.programs import git


def equal(one: FeatureStore, other: FeatureStore) -> bool:
    ours, theirs = (store.select().view("remove").numpy() for store in (one, other))
    same = (np.array_equal(ours.features, theirs.features), np.array_equal(ours.targets, theirs.targets))
    return all(same) and one.id == other.id


@pytest.mark.slow
def test_a_store_behind_a_url_equals_the_folder(bucket: boto3.client, noisy: FeatureStore) -> None:
    store = FeatureStore.open(s3.upload(bucket, Path(noisy.source.name), s3.BUCKET, "whole.zarr"))
    assert equal(store, noisy)
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.features(store.ids[5]), noisy.features(store.ids[5]))
    selected = store.select(language="hindi").dask().compute(scheduler="processes", num_workers=1)
    assert np.array_equal(selected, noisy.select(language="hindi").numpy().features)


@pytest.mark.slow
def test_missing_and_empty_objects_are_named_and_one_that_vanishes_is_never_silence(
    bucket: boto3.client, noisy: FeatureStore
) -> None:
    address = s3.upload(bucket, Path(noisy.source.name), s3.BUCKET, "damaged.zarr")
    store = FeatureStore.open(address)
    for file in ("mfcc/c/0/0", "speech/c/0", "recording/id/c/0", "zarr.json"):
        for spoil in (lambda **place: bucket.put_object(Body=b"", **place), bucket.delete_object):
            spoil(Bucket=s3.BUCKET, Key=f"damaged.zarr/{file}")
            with pytest.raises(ArtifactError, match=f"{address}/{file} is missing or"):
                FeatureStore.open(address)
        bucket.upload_file(str(Path(noisy.source.name) / file), s3.BUCKET, f"damaged.zarr/{file}")
    for file, read in (("mfcc/c/0/0", store.features), ("speech/c/0", store.flags)):
        bucket.delete_object(Bucket=s3.BUCKET, Key=f"damaged.zarr/{file}")
        with pytest.raises(ArtifactError, match=r"zarr: rows 0:.* can't be read .*copy the store there again"):
            read(store.ids[0])
    with pytest.raises(ArtifactError, match="s3://missing/x is not a feature store"):
        FeatureStore.open("s3://missing/x")
    with pytest.raises(ArgumentError, match="Protocol not known: foo"):
        FeatureStore.open("foo://x")


def test_any_zarr_store_will_do(noisy: FeatureStore, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "store"), "zip", noisy.source.name)
    assert equal(FeatureStore.open(zarr.storage.ZipStore(archive, mode="r")), noisy)
    memory = zarr.storage.MemoryStore()
    for file in Path(noisy.source.name).rglob("*"):
        if file.is_file():
            name = file.relative_to(noisy.source.name).as_posix()
            buffer = zarr.buffer.default_buffer_prototype().buffer.from_bytes(file.read_bytes())
            asyncio.run(memory.set(name, buffer))
    assert equal(FeatureStore.open(memory), noisy)


def dvc(folder: Path, *words: str) -> None:
    subprocess.run(["dvc", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(noisy: FeatureStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository that has pushed the store in its first commit, deleted it in the second, and lost its cache."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q")
    dvc(folder, "init", "-q")
    dvc(folder, "remote", "add", "-d", "here", str(tmp_path_factory.mktemp("remote")))
    shutil.copytree(noisy.source.name, folder / "artifacts" / "features.zarr")
    dvc(folder, "add", "artifacts/features.zarr")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1")
    dvc(folder, "push")
    shutil.rmtree(folder / "artifacts")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "second")
    shutil.rmtree(folder / ".dvc" / "cache")
    return folder


@pytest.mark.slow
def test_a_store_at_a_revision_is_read_without_a_download(repository: Path, noisy: FeatureStore) -> None:
    store = FeatureStore.at(repository, "v1")
    assert equal(store, noisy)
    assert np.array_equal(pickle.loads(pickle.dumps(store)).flags(store.ids[7]), noisy.flags(store.ids[7]))
    assert not [path for path in (repository / ".dvc" / "cache").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_wrong_repositories_and_revisions_are_one_sentence(repository: Path, tmp_path: Path) -> None:
    for repo, rev in ((tmp_path, "HEAD"), (repository, "v2")):
        with pytest.raises(ArgumentError, match="name a DVC repository, and a commit, branch or tag of it"):
            FeatureStore.at(repo, rev)
    with pytest.raises(ArtifactError, match="is not a feature store"):
        FeatureStore.at(repository)
