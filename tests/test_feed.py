"""Every sequence reaches the network once an epoch, whatever the memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import feed
from pipeline.store import FeatureStore

FRAMES = 60 * 12  # of all recordings of `noisy`


@given(frames=st.integers(1, 800), seed=st.integers(0, 99))
def test_a_pool_gives_every_sequence_once_an_epoch_and_holds_no_more_than_it_may(
    frames: int, seed: int, noisy: FeatureStore
) -> None:
    pool = feed.Pool(noisy.select(), frames)
    whole = {example.features.tobytes() for example in noisy.select()}
    orders = []
    for _ in range(2):
        order = []
        for example in pool.epoch(np.random.default_rng(seed)):
            assert pool.held <= frames
            order.append(example.features.tobytes())
        assert len(order) == len(whole)
        assert set(order) == whole
        orders.append(order)
    assert orders[0] == orders[1]
    assert orders[0] != [example.features.tobytes() for example in pool.epoch(np.random.default_rng(seed + 100))]


@pytest.mark.parametrize(("frames", "reads"), [(FRAMES, 12), (FRAMES - 1, 36)])
def test_what_fits_is_read_once_and_what_does_not_once_an_epoch(
    noisy: FeatureStore, frames: int, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    read = FeatureStore.mfcc_rows
    monkeypatch.setattr(FeatureStore, "mfcc_rows", lambda *given: asked.append(given[1:]) or read(*given))
    pool = feed.Pool(noisy.select(), frames)
    for epoch in range(3):
        assert len(list(pool.epoch(np.random.default_rng(epoch)))) == 60
    assert len(asked) == reads
