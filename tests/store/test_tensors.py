"""Datasets and loaders of PyTorch give the items as tensors, however the loader starts its workers."""

import pytest

from pipeline.params import SilenceStrategy
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from tests.store.conftest import ORDER, STRATEGIES, assert_same, expected

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_dataset_of_pytorch_gives_the_items(strategy: SilenceStrategy, store: FeatureStore) -> None:
    dataset = store.select(language=["english", "hindi"]).view(strategy, ORDER).torch()
    for tensors, index in zip((dataset[position] for position in range(len(dataset))), [0, 1, 2, 4, 5], strict=True):
        assert all(isinstance(tensor, torch.Tensor) for tensor in tensors)
        assert_same(Example(*(tensor.numpy() for tensor in tensors)), expected(strategy, index))
    assert len(dataset[1:]) == len(dataset) - 1


def test_a_loader_takes_the_selection_itself(store: FeatureStore) -> None:
    selection = store.select(speaker="b")
    for workers in (0, 1):
        (batch,) = torch.utils.data.DataLoader(selection, num_workers=workers)
        assert_same(Example(*(tensor.numpy()[0] for tensor in batch)), selection[0])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked_give_the_same_numbers(method: str, store: FeatureStore) -> None:
    selection = store.select().view("remove")[:4]
    loader = torch.utils.data.DataLoader(
        selection.torch(), batch_size=None, num_workers=2, multiprocessing_context=method
    )
    for tensors, example in zip(loader, selection, strict=True):
        assert_same(Example(*(tensor.numpy() for tensor in tensors)), example)
