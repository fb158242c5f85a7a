"""A store of six recordings in small shards, and the same frames in memory to compare with."""

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import tables
from pipeline.dataset import views
from pipeline.params import SilenceStrategy
from pipeline.rows import SequenceRow
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from tests.stores import build

SHARD_ROWS, N_MFCC = 16, 3
IDS = ["r0", "r1", "r2", "r3", "r4", "r5"]
LENGTHS = [5, 50, 1, 17, 30, 9]  # the second lies in four shards, the fifth in three
LANGUAGES = ["english", "hindi", "english", "mandarin", "hindi", "english"]
SPEAKERS = ["a", "b", "a", "c", "d", "e"]
ORDER = ("mandarin", "english", "hindi")
STRATEGIES: tuple[SilenceStrategy, ...] = get_args(SilenceStrategy)
ROWS = sum(LENGTHS)
MFCC = np.arange(ROWS * N_MFCC, dtype=np.float32).reshape(ROWS, N_MFCC)
STARTS: NDArray[np.int64] = np.cumsum([0, *LENGTHS])
SPEECH = np.random.default_rng(0).random(ROWS) < 0.5
SPEECH[STARTS[3] : STARTS[4]] = False  # all of the fourth is silent


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    path = tmp_path_factory.mktemp("store") / "features.zarr"
    attributes = {"sample_rate": 16000, "mfcc": {"hop_length": 160}}
    return build(path, IDS, LANGUAGES, SPEAKERS, LENGTHS, MFCC, SPEECH, attributes, shard_rows=SHARD_ROWS)


def expected(
    strategy: SilenceStrategy, index: int, start: int = 0, frames: int | None = None, weight: float = 1
) -> Example:
    """Rows of a recording's view, sliced from the whole view in memory."""
    rows = slice(STARTS[index], STARTS[index + 1])
    shown = views.view(strategy, SPEECH[rows], ORDER.index(LANGUAGES[index]), len(ORDER))
    part = slice(start, None if frames is None else start + frames)
    weights = np.where(shown.targets < len(ORDER), weight, 1) * shown.weights
    return Example(MFCC[rows][shown.rows][part], shown.targets[part], weights[part].astype(np.float32))


def assert_same(one: Example, other: Example) -> None:
    for array, like in zip(map(np.asarray, one), map(np.asarray, other), strict=True):
        np.testing.assert_array_equal(array, like)
        assert array.dtype == like.dtype


def joined(examples: Iterable[Example]) -> Example:
    return Example(*map(np.concatenate, zip(*examples, strict=True)))


def sequence(store: FeatureStore, view: str, index: int, start: int, frames: int, weight: float = 1.0) -> SequenceRow:
    """A row of a manifest."""
    whose = IDS[index], LANGUAGES[index], SPEAKERS[index]
    return SequenceRow("x/0", *whose, start, frames, 0, weight, view=view, features=store.id)


def written(folder: Path, rows: list[SequenceRow]) -> Path:
    """A manifest of these rows."""
    tables.write(folder / "manifest.csv", SequenceRow, rows)
    return folder / "manifest.csv"


@st.composite
def sequences(draw: st.DrawFn, strategy: SilenceStrategy) -> list[tuple[int, int, int, float]]:
    """Index, start, frames and weight of sequences in any order, overlapping or not."""
    found = []
    for index in draw(st.lists(st.integers(0, len(IDS) - 1), min_size=1, max_size=8)):
        rows = len(expected(strategy, index).targets)
        if rows:
            start = draw(st.integers(0, rows - 1))
            found.append((index, start, draw(st.integers(1, rows - start)), draw(st.sampled_from([0.25, 1.0, 3.5]))))
    return found or [(0, 0, 1, 1.0)]
