"""Feed sequences to the network: in a new random order every epoch, in bounded memory, read while it trains.

The store is read shard by shard, in random order, into a pool of `train.memory`. Once the pool is full, every sequence
read takes the slot of a random one, which goes to the network:

    shard 7, shard 2, ...  ─► pool of sequences ─► one at random ─► batches, padded to the longest sequence

A pool that holds the whole manifest shuffles it evenly and reads it only once, in the first epoch.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.store.conversions import tensorflow_dataset
from pipeline.store.items import Example
from pipeline.store.selection import Selection

READY_BATCHES = 4  # waiting for the network
NO_TARGET = -1  # of frames of weight 0

Change = Callable[[Example, np.random.Generator], Example]  # of a batch, at random


class Pool:
    """Sequences in a new random order every epoch, in memory that is allocated once.

    Parameters
    ----------
    memory_gb
        Memory for sequences, each as long as the longest. The shard that is being read is not part of it.

    Attributes
    ----------
    capacity
        Maximum number of sequences in it.
    """

    def __init__(self, sequences: Selection, memory_gb: float) -> None:
        self._sequences = sequences.in_store_order()
        self._runs = self._sequences.runs()
        shape = int(sequences.items["frames"].max()), sequences.store.mfcc.shape[1]
        sequence_bytes = sum(part.nbytes for part in Example.zeros(shape[:1], shape[1]))
        self.capacity = min(len(sequences), max(1, int(memory_gb * 1e9 / sequence_bytes)))
        # Separate arrays for each sequence, allocated and freed by TensorFlow's threads, left holes in the heap as
        # large as the pool itself.
        self._slots = Example.zeros((self.capacity, shape[0]), shape[1])
        self._complete = False  # True once it holds every sequence for good

    def epoch(self, rng: np.random.Generator) -> Iterator[Example]:
        """Yield every sequence once, padded to the longest; its arrays are valid until the next one is taken."""
        if self._complete:
            for slot in rng.permutation(self.capacity):
                yield self._slots.part(slot)
            return
        filled = 0
        every = self.capacity == len(self._sequences)
        # A pool of all sequences shuffles them itself. Read in order, they do not depend on where shards end.
        for run in range(len(self._runs)) if every else rng.permutation(len(self._runs)):
            for example in self._sequences.read(self._runs[run]):
                slot = filled
                if filled == self.capacity:
                    slot = int(rng.integers(self.capacity))
                    yield self._slots.part(slot)
                else:
                    filled += 1
                self._slots.part(slot).fill(example)
        self._complete = every
        for slot in rng.permutation(filled):
            yield self._slots.part(slot)


def strided(examples: Iterable[Example], stride: int, rng: np.random.Generator | None = None) -> Iterator[Example]:
    """Yield every `stride`-th frame of examples, from the first one or a random one of the first on."""
    for example in examples:
        first = int(rng.integers(min(stride, len(example.weights)))) if rng and stride > 1 else 0
        yield example.part(slice(first, None, stride))


def batches(examples: Iterable[Example], size: int, frames: int) -> Iterator[Example]:
    """Stack examples to batches of arrays (size, frames, ...), padded with frames and sequences of weight 0.

    Examples
    --------
    >>> examples = [Example(np.ones((n, 13), np.float32), np.zeros(n, int), np.ones(n, np.float32)) for n in (2, 3, 1)]
    >>> first, last = batches(examples, size=2, frames=3)
    >>> first.features.shape, last.features.shape
    ((2, 3, 13), (2, 3, 13))
    >>> first.weights.tolist(), last.weights.tolist()
    ([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    """
    waiting = iter(examples)
    for first in waiting:
        batch = Example.zeros((size, frames), first.features.shape[1])
        for number, example in enumerate(itertools.chain([first], itertools.islice(waiting, size - 1))):
            batch.part(number).fill(example)
        yield batch


def made_ahead(batches: Iterator[Example]) -> Iterator[Example]:
    """Yield batches that a thread makes ahead: with deterministic operations, TensorFlow's own `prefetch` does not."""
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, batches, None) for _ in range(READY_BATCHES))
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(thread.submit(next, batches, None))
            yield batch


class Feed:
    """Batches for Keras, made ahead by a thread: epoch after epoch in one stream.

    All batches have one shape, for which TensorFlow's loop over frames is a quarter faster. So an epoch is divided
    evenly, and the few sequences that are missing in its last batch have weight 0; the weights of the others make up
    for them, so that Keras's mean loss of an epoch is that of its sequences.

    Parameters
    ----------
    epochs
        Yields the sequences of each epoch, for at least as many epochs as are trained: Keras warns if the stream ends
        early.
    sequences, count
        All sequences, and how many an epoch has.
    batch_size
        Maximum number of sequences per batch.
    stride
        Frames per step of the network, which sees one of them: any, if the batches are changed, otherwise the first.
    correct
        Correct outputs of each target, as `fitting.correct_outputs` gives them. Frames whose target has none have
        weight 0.
    change
        Change of every batch, with random values of `seed` and the epoch.
    first_epoch
        Number of the first of these epochs.

    Attributes
    ----------
    steps
        Batches per epoch.
    error
        A user's error that ended the stream. TensorFlow raises one of its own instead.
    """

    def __init__(
        self,
        epochs: Callable[[], Iterable[Iterable[Example]]],
        sequences: Selection,
        count: int,
        batch_size: int,
        stride: int,
        correct: NDArray[np.float32],
        change: Change | None = None,
        seed: tuple[int, ...] = (),
        first_epoch: int = 0,
    ) -> None:
        self._epochs, self._change, self._seed, self._first_epoch = epochs, change, seed, first_epoch
        self._stride = stride
        self.steps = -(-count // batch_size)
        size = -(-count // self.steps)
        steps = -(-int(sequences.items["frames"].max()) // stride)
        self._shape = (size, steps, sequences.store.mfcc.shape[1])
        self._target_weights = correct.max(axis=1) * np.float32(self.steps * size / count)
        self.error: UserError | None = None

    def dataset(self) -> Any:
        """Return a tf.data.Dataset of features, targets and weights."""
        return tensorflow_dataset(lambda: made_ahead(self._batches()), self._shape)

    def close(self) -> None:
        """Release the sequences: TensorFlow keeps every generator for as long as the process runs."""
        self._epochs = lambda: ()

    def _batches(self) -> Iterator[Example]:
        try:
            for number, epoch in enumerate(self._epochs(), self._first_epoch):
                rng = np.random.default_rng([*self._seed, number])
                steps = strided(epoch, self._stride, rng if self._change else None)
                for batch in batches(steps, *self._shape[:2]):
                    features, targets, plain = self._change(batch, rng) if self._change else batch
                    weights = plain * self._target_weights[targets]
                    yield Example(features, np.where(weights > 0, targets, NO_TARGET), weights)
        except UserError as error:
            self.error = error
            raise
