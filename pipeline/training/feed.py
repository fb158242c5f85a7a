"""How sequences reach the network: shuffled anew every epoch, in bounded memory, read while it learns.

The store is read a shard at a time, in an order drawn anew every epoch, into a pool of `train.memory`. Once that is
full, every sequence read takes the place of one drawn from all that are in it:

    shard 7, shard 2, ...  ─► pool of sequences ─► one at random ─► batches, padded to the longest sequence

A pool with room for the whole manifest shuffles it evenly, and keeps what it has read for the next epoch.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.mfcc import Features
from pipeline.store.selection import Example, Selection

AHEAD = 4  # batches that wait for the network


class Pool:
    """Sequences in an order drawn anew every epoch, in memory that is taken once.

    Parameters
    ----------
    memory
        GB that they may fill, each as large as the longest; what is being read comes on top, a shard at a time.

    Attributes
    ----------
    room
        Sequences that fit.
    """

    def __init__(self, sequences: Selection, memory: float) -> None:
        self._sequences = sequences.in_store_order()
        self._runs = self._sequences.runs()
        longest = int(sequences.items["frames"].max())
        one = _zeros(1, longest, sequences)
        self.room = min(len(sequences), max(1, int(memory * 1e9 / sum(part.nbytes for part in one))))
        # Arrays of their own for each sequence, taken and given back by TensorFlow's threads, left holes in the heap
        # as large as the pool itself.
        self._held = _zeros(self.room, longest, sequences)
        self._complete = False  # whether every sequence has stayed in it

    def epoch(self, rng: np.random.Generator) -> Iterator[Example]:
        """Every sequence once, filled up to the longest, in arrays that hold it until the next is asked for."""
        if self._complete:
            for place in rng.permutation(self.room):
                yield self._held.part(place)
            return
        taken = 0
        for run in rng.permutation(len(self._runs)):
            for example in self._sequences.read(self._runs[run]):
                place = taken
                if taken == self.room:
                    place = int(rng.integers(self.room))
                    yield self._held.part(place)
                else:
                    taken += 1
                _fill(self._held.part(place), example)
        for place in rng.permutation(taken):
            yield self._held.part(place)
        self._complete = self.room == len(self._sequences)


def batches(examples: Iterable[Example], size: int, frames: int) -> Iterator[Example]:
    """Join examples to batches of arrays (size, frames, ...), short ones filled up behind with frames of no weight."""
    waiting = iter(examples)
    for first in waiting:
        shape = (size, frames)
        batch = Example(
            np.empty((*shape, first.features.shape[1]), np.float32),
            np.empty(shape, np.int64),
            np.empty(shape, np.float32),
        )
        for number, example in enumerate(itertools.chain([first], itertools.islice(waiting, size - 1))):
            _fill(batch.part(number), example)
        yield batch.part(slice(number + 1))


def _zeros(count: int, frames: int, sequences: Selection) -> Example:
    features = np.zeros((count, frames, sequences.store.mfcc.shape[1]), np.float32)
    return Example(features, np.zeros((count, frames), np.int64), np.zeros((count, frames), np.float32))


def _fill(into: Example, example: Example) -> None:
    for name in Example._fields:
        there, values = getattr(into, name), getattr(example, name)
        there[: len(values)], there[len(values) :] = values, 0


class Feed:
    """Batches for Keras, read ahead of it in a thread of TensorFlow's: epoch after epoch in one stream.

    Parameters
    ----------
    epochs
        Gives the sequences of each epoch; never too few epochs, as Keras takes a stream that ends early for a mistake.

    Attributes
    ----------
    steps
        Batches of an epoch.
    failed
        What a user can put right and TensorFlow would tell as an error of its own.
    """

    def __init__(
        self, epochs: Callable[[], Iterable[Iterable[Example]]], sequences: Selection, size: int, right: Features
    ) -> None:
        self._epochs, self._size = epochs, size
        self._shape = (int(sequences.items["frames"].max()), sequences.store.mfcc.shape[1])
        self._answered = right.max(axis=1)  # a target of which no output is right weighs nothing
        self.steps = -(-len(sequences) // size)
        self.failed: UserError | None = None

    def dataset(self) -> Any:
        """As a tf.data.Dataset of features, targets and weights."""
        from tensorflow import TensorSpec, data, float32, int64

        frames, n_mfcc = self._shape
        signature = (
            TensorSpec((None, frames, n_mfcc), float32),
            TensorSpec((None, frames), int64),
            TensorSpec((None, frames), float32),
        )
        return data.Dataset.from_generator(self._batches, output_signature=signature).prefetch(AHEAD)

    def close(self) -> None:
        """Let go of the sequences: TensorFlow keeps what it has ever read from for as long as the process runs."""
        self._epochs = lambda: ()

    def _batches(self) -> Iterator[tuple[Any, ...]]:
        try:
            for epoch in self._epochs():
                for batch in batches(epoch, self._size, self._shape[0]):
                    yield batch.features, batch.targets, batch.weights * self._answered[batch.targets]
        except UserError as error:
            self.failed = error
            raise
