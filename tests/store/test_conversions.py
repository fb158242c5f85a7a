"""Every form of a selection gives the same numbers, and none reads more than it needs."""

import pickle
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from pipeline.errors import ProgramError
from pipeline.params import SilenceStrategy
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from tests.store.conftest import (
    IDS,
    LANGUAGES,
    N_MFCC,
    ORDER,
    SHARD_ROWS,
    SPEAKERS,
    SPEECH,
    STARTS,
    STRATEGIES,
    assert_same,
    expected,
    joined,
)

INDEXES = [0, 1, 2, 4, 5]  # of the recordings in English and Hindi


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arrays_of_all_items_joined_are_equal(strategy: SilenceStrategy, store: FeatureStore) -> None:
    selection = store.select(language=["english", "hindi"]).view(strategy, ORDER)
    examples = [expected(strategy, index) for index in INDEXES]
    every = joined(examples)
    assert_same(selection.numpy(), every)
    assert_same(pickle.loads(pickle.dumps(selection)).numpy(), every)

    rows = selection.dask()
    assert max(rows.chunks[0]) <= SHARD_ROWS
    np.testing.assert_array_equal(rows.compute(scheduler="sync"), every.features)

    dataset = selection.xarray()
    assert dict(dataset.sizes) == {"frame": len(every.targets), "coefficient": N_MFCC}
    assert all(variable.chunks for variable in dataset.variables.values())  # nothing is read yet
    np.testing.assert_array_equal(dataset.mfcc, every.features)
    indexes = np.repeat(INDEXES, [len(example.targets) for example in examples])
    frames = np.concatenate(
        [np.flatnonzero(SPEECH[STARTS[i] : STARTS[i + 1]] | (strategy != "remove")) for i in INDEXES]
    )
    np.testing.assert_array_equal(dataset.recording, np.array(IDS)[indexes])
    np.testing.assert_array_equal(dataset.language, np.array(LANGUAGES)[indexes])
    np.testing.assert_array_equal(dataset.speaker, np.array(SPEAKERS)[indexes])
    np.testing.assert_array_equal(dataset.speech, SPEECH[STARTS[indexes] + frames])
    np.testing.assert_allclose(dataset.time, frames * 0.01)


def assert_items(dataset: Iterable[Any], strategy: SilenceStrategy) -> None:
    for tensors, index in zip(dataset, INDEXES, strict=True):
        assert_same(Example(*(tensor.numpy() for tensor in tensors)), expected(strategy, index))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_dataset_of_tensorflow_gives_the_items(strategy: SilenceStrategy, store: FeatureStore) -> None:
    selection = store.select(language=["english", "hindi"]).view(strategy, ORDER)
    assert len(selection.tensorflow()) == len(INDEXES)
    assert len(selection[:0].tensorflow()) == 0
    assert_items(selection.tensorflow(), strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_pytorch_gets_the_items_as_tensors_however_a_loader_starts_its_workers(
    strategy: SilenceStrategy, store: FeatureStore
) -> None:
    torch = pytest.importorskip("torch")
    dataset = store.select(language=["english", "hindi"]).view(strategy, ORDER).torch()
    assert len(dataset[1:]) == len(dataset) - 1
    assert_items((dataset[position] for position in range(len(dataset))), strategy)
    for method in ("fork", "spawn", "forkserver") if strategy == "remove" else ():
        options = {"batch_size": None, "num_workers": 2, "multiprocessing_context": method}
        assert_items(torch.utils.data.DataLoader(dataset, **options), strategy)
    alone = store.select(speaker="b")
    (batch,) = torch.utils.data.DataLoader(alone)  # takes the selection itself
    assert_same(Example(*(tensor.numpy()[0] for tensor in batch)), alone[0])


def test_lazy_arrays_read_one_shard_at_a_time(store: FeatureStore, slices_read: list[tuple[int, int]]) -> None:
    rows, dataset = store.select().dask(), store.select().view("remove").xarray()
    dataset.speaker.compute(), dataset.time.compute()
    assert not slices_read
    rows[49:54].compute()
    assert slices_read == [(48, 64)]  # one shard


def test_a_library_that_is_not_installed_is_named(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dask", "xarray", "tensorflow", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ProgramError, match=f"{name} is not installed; .* `pip install {name}`"):
            getattr(store.select(), name)()
