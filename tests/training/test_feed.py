"""Every sequence reaches the network once per epoch, in any amount of memory."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from pipeline.training import feed
from tests.stores import watch

LENGTH, COUNT = 12, 60  # of the recordings of `noisy`
SEQUENCE_GB = LENGTH * (4 * 4 + 8 + 4) / 1e9


@pytest.mark.slow
@settings(max_examples=8)
@example(capacity=COUNT - 1, seed=0)
@example(capacity=COUNT, seed=0)
@given(capacity=st.integers(1, 70), seed=st.integers(0, 99))
def test_a_pool_gives_every_sequence_once_per_epoch_and_reads_again_only_what_its_memory_does_not_hold(
    capacity: int, seed: int, noisy: FeatureStore
) -> None:
    whole = [each.features.tobytes() for each in noisy.select()]
    runs = []
    for _ in range(2):
        pool = feed.Pool(noisy.select(), (capacity + 0.5) * SEQUENCE_GB)
        assert pool.capacity == min(capacity, COUNT)
        with pytest.MonkeyPatch.context() as patch:
            asked = watch(patch, "mfcc_rows")
            epochs = [
                [each.features.tobytes() for each in pool.epoch(np.random.default_rng([seed, epoch]))]
                for epoch in range(3)
            ]
        assert len(asked) == 12 * (1 if capacity >= COUNT else 3)  # one per shard
        assert all(sorted(order) == sorted(whole) for order in epochs)
        assert len({tuple(order) for order in epochs}) == 3
        runs.append(epochs)
    assert runs[0] == runs[1]


@given(lengths=st.lists(st.integers(1, 5), max_size=12), size=st.integers(1, 5))
def test_batches_hold_every_example_and_padding_without_weight(lengths: list[int], size: int) -> None:
    examples = [
        Example(np.full((length, 2), number, np.float32), np.full(length, number), np.ones(length, np.float32))
        for number, length in enumerate(lengths, start=1)
    ]
    made = list(feed.batches(examples, size, 5))
    assert [batch.targets.shape for batch in made] == [(size, 5)] * -(-len(lengths) // size)
    for number, length in enumerate(lengths):
        batch, at = made[number // size], number % size
        assert batch.targets[at].tolist() == [number + 1] * length + [0] * (5 - length)
        assert batch.features[at, :, 1].tolist() == batch.targets[at].tolist()
        assert batch.weights[at].tolist() == [1] * length + [0] * (5 - length)
    assert sum(batch.weights.sum() for batch in made) == sum(lengths)


def test_a_step_sees_the_first_frame_of_a_stride_or_any_of_them_at_random() -> None:
    one = Example(np.zeros((7, 13), np.float32), np.arange(7), np.ones(7, np.float32))
    assert [part.targets.tolist() for part in feed.strided([one], 3)] == [[0, 3, 6]]
    drawn = feed.strided([one] * 50, 3, np.random.default_rng(0))
    assert {tuple(part.targets.tolist()) for part in drawn} == {(0, 3, 6), (1, 4), (2, 5)}


@pytest.mark.parametrize(("most", "steps", "size"), [(17, 4, 15), (7, 9, 7)])  # evenly, not 17, 17, 17 and 9
def test_an_epoch_of_batches_is_every_sequence_once_with_the_same_mean(
    most: int, steps: int, size: int, noisy: FeatureStore
) -> None:
    pool, rng = feed.Pool(noisy.select(), 1.0), np.random.default_rng(0)
    correct = np.eye(3, dtype=np.float32)
    fed = feed.Feed(lambda: (pool.epoch(rng) for _ in range(2)), noisy.select(), len(noisy.ids), most, 1, correct)
    whole = sorted(each.features.tobytes() for each in noisy.select())
    given = list(fed.dataset().as_numpy_iterator())
    fed.close()
    assert fed.steps == steps
    assert [weights.shape for _, _, weights in given] == [(size, LENGTH)] * 2 * steps
    for epoch in (given[:steps], given[steps:]):
        shown = [each.tobytes() for features, _, weights in epoch for each in features[weights.any(axis=1)]]
        assert sorted(shown) == whole
    weights = np.concatenate([weights for _, _, weights in given])
    plain = np.concatenate([each.weights for each in noisy.select()])
    assert weights.sum() / len(weights) == pytest.approx(plain.sum() / COUNT)  # in spite of padding
