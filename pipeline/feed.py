"""How sequences reach the network: shuffled anew every epoch, in bounded memory, read while it learns.

A pool is filled a shard of the store at a time, the shards in an order drawn anew every epoch. Whenever more is in it
than `train.memory` allows, a sequence drawn from all of it leaves:

    shard 7, shard 2, ...  ─► pool of sequences ─► one at random ─► batches, padded to the longest sequence

A pool that has room for the whole manifest shuffles it evenly, and keeps what it has read for the next epoch.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.mfcc import Features
from pipeline.selection import Example, Selection

AHEAD = 4  # batches that wait for the network


def frames_in(memory: float, n_mfcc: int) -> int:
    """Frames that so many GB hold."""
    return int(memory * 1e9 / (4 * n_mfcc + 8 + 4))  # features, target, weight


class Pool:
    """Sequences in an order drawn anew every epoch, without holding many more than so many frames.

    Parameters
    ----------
    frames
        Held at most, but for one sequence and the shard that is being read.

    Attributes
    ----------
    held
        Frames in it now.
    """

    def __init__(self, sequences: Selection, frames: int) -> None:
        self._sequences = sequences.in_store_order()
        self._runs = self._sequences.runs()
        self._bound = frames
        self._kept: dict[int, list[Example]] = {}
        self.held = 0

    def epoch(self, rng: np.random.Generator) -> Iterator[Example]:
        """Every sequence once."""
        pool: list[Example] = []
        for run in rng.permutation(len(self._runs)):
            for example in self._read(int(run)):
                pool.append(example)
                self.held += len(example.targets)
                while self.held > self._bound:
                    yield self._draw(pool, rng)
        while pool:
            yield self._draw(pool, rng)

    def _draw(self, pool: list[Example], rng: np.random.Generator) -> Example:
        at = int(rng.integers(len(pool)))
        pool[at], pool[-1] = pool[-1], pool[at]
        self.held -= len(pool[-1].targets)
        return pool.pop()

    def _read(self, run: int) -> Iterable[Example]:
        if self._sequences.frames > self._bound:
            return self._sequences.read(self._runs[run])
        if run not in self._kept:
            self._kept[run] = list(self._sequences.read(self._runs[run]))
        return self._kept[run]


def batches(examples: Iterable[Example], size: int, frames: int) -> Iterator[Example]:
    """Join examples to batches of arrays (size, frames, ...), short ones filled up behind with frames of no weight."""
    waiting = iter(examples)
    while some := list(itertools.islice(waiting, size)):
        shape = (len(some), frames)
        batch = Example(
            np.zeros((*shape, some[0].features.shape[1]), np.float32),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.float32),
        )
        for number, example in enumerate(some):
            for name in Example._fields:
                getattr(batch, name)[number, : len(example.targets)] = getattr(example, name)
        yield batch


class Feed:
    """Batches for Keras, read ahead of it in a thread of TensorFlow's.

    Attributes
    ----------
    steps
        Batches of an epoch.
    failed
        What a user can put right and TensorFlow would tell as an error of its own.
    """

    def __init__(
        self, examples: Callable[[], Iterator[Example]], sequences: Selection, size: int, right: Features
    ) -> None:
        self._examples, self._size = examples, size
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

    def _batches(self) -> Iterator[tuple[Any, ...]]:
        try:
            for batch in batches(self._examples(), self._size, self._shape[0]):
                yield batch.features, batch.targets, batch.weights * self._answered[batch.targets]
        except UserError as error:
            self.failed = error
            raise
