"""The voice of a recording as a vector: mean and deviation of the MFCCs of its speech."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.store.feature_store import FeatureStore

BLOCK_ROWS = 60_000  # of the store, read at a time


def vectors(store: FeatureStore, recordings: Sequence[str]) -> NDArray[np.float64]:
    """Return the vectors of recordings, shape (recordings, 2 · n_mfcc); zeros for a recording without speech."""
    return np.stack([_vector(store, store.index(recording)) for recording in recordings])


def _vector(store: FeatureStore, index: int) -> NDArray[np.float64]:
    start, length = int(store.starts[index]), int(store.lengths[index])
    count, total, squares = 0, np.zeros(store.mfcc.shape[1]), np.zeros(store.mfcc.shape[1])
    for first in range(start, start + length, BLOCK_ROWS):  # perhaps hours long
        last = min(first + BLOCK_ROWS, start + length)
        spoken = store.mfcc_rows(first, last)[store.speech_rows(first, last)].astype(np.float64)
        spoken = spoken[np.isfinite(spoken).all(axis=1)]  # frames that could not be computed are NaN
        count += len(spoken)
        total += spoken.sum(axis=0)
        squares += np.square(spoken).sum(axis=0)
    mean = total / max(count, 1)
    return np.concatenate([mean, np.sqrt(np.maximum(squares / max(count, 1) - np.square(mean), 0))])
