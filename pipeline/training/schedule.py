"""The length of a training: how many epochs of how many sequences, in batches of which size, at which rate."""

import math
from typing import NamedTuple

from pipeline import params

STEPS = 1500  # of a training, beyond which batches grow
LEAST_EPOCHS = 5  # however large the corpus is: so often is the network validated


class Schedule(NamedTuple):
    """The length of a training.

    Attributes
    ----------
    epochs
        Number of epochs.
    sequences
        Sequences per epoch: all, or a random part of a large corpus, a new one in every epoch.
    batch_size
        Maximum number of sequences per batch.
    learning_rate
        At the start.
    """

    epochs: int
    sequences: int
    batch_size: int
    learning_rate: float


def schedule(settings: params.Train, sequences: int, frames: int) -> Schedule:
    """Return the schedule for a corpus of so many sequences and frames.

    All epochs together have about `train.frames` at most: a large corpus has fewer, and if five are too long, they are
    parts of it. Batches are
    twice as large if there would be more than `STEPS`, as a sequence in a larger batch takes less time. The rate grows
    with the root of their size.

    >>> schedule(params.Train(), sequences=34_000, frames=10_000_000)
    Schedule(epochs=5, sequences=34000, batch_size=128, learning_rate=0.005656854249492381)
    >>> schedule(params.Train(), sequences=340_000, frames=100_000_000)[:2]
    (5, 34000)
    """
    passes = settings.frames * 1e6 / frames
    epochs = min(settings.epochs, max(LEAST_EPOCHS, round(passes)))
    count = max(1, round(sequences * min(1, passes / epochs)))
    growth = 1 if epochs * count / settings.batch_size <= STEPS else 2
    return Schedule(epochs, count, growth * settings.batch_size, settings.learning_rate * math.sqrt(growth))
