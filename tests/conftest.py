"""Fixtures for several rooms: the project, its parameters and a store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from pipeline import params
from pipeline.store.feature_store import FeatureStore
from tests.stores import build

settings.register_profile("pipeline", deadline=None, derandomize=True, print_blob=True, max_examples=25)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("pipeline")  # pytest --hypothesis-profile=thorough: other examples each time, and many

ROOT = Path(__file__).parents[1]
MARKED_FOLDERS = ("end_to_end", "cluster")
SLOW_FIXTURES = {"exported", "folders", "case"}  # they export networks


# The longest files, which pytest-xdist starts first: in parallel, the second does not need the first one's fixtures.
LONGEST = ("test_repro", "test_resume", "test_cluster", "test_ablate", "test_docs", "test_mistakes", "test_layouts")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and those whose fixtures take seconds as slow; long ones first if in parallel."""
    for item in items:
        if isinstance(item, pytest.Function) and SLOW_FIXTURES & {*item.fixturenames}:
            item.add_marker("slow")
        for name in MARKED_FOLDERS:
            if ROOT / "tests" / name in item.path.parents:
                item.add_marker(name)
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: (ranks.get(item.path.stem, len(ranks)), not item.get_closest_marker("end_to_end")))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a server that speaks S3's protocol, on which the bucket `s3.BUCKET` is."""
    from tests import s3  # with packages that take a second

    with s3.serving(monkeypatch) as client:
        yield client


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the project."""
    return ROOT


@pytest.fixture(scope="session")
def defaults() -> params.Params:
    """The project's params.yaml."""
    return params.load(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    """Sixty recordings of twelve frames of noise around a mean of each language, in 12 shards."""
    languages = ("english", "hindi", "mandarin") * 20
    rng = np.random.default_rng(0)
    ids, speakers = [str(index) for index in range(60)], [f"s{index}" for index in range(60)]
    mfcc = (np.repeat(np.tile(np.eye(3, 4) * 3, (20, 1)), 12, axis=0) + rng.normal(size=(720, 4))).astype(np.float32)
    attributes = {"mfcc": {"hop_length": 160}, "sample_rate": 16_000}
    parts = [range(at, at + 10) for at in range(0, 60, 10)]
    path = tmp_path_factory.mktemp("noisy") / "features.zarr"
    return build(path, ids, languages, speakers, [12] * 60, mfcc, np.ones(720, bool), attributes, parts, shard_rows=64)
