"""Items of a feature store: recordings or sequences, located in it once.

row of the store   ├─────────── shard 0 ───────────┼─────────── shard 1 ──
recording           │     first     │      second      │  third ...
speech                 SSSS   SSSSS    SSS     SSS SSS
item                   └──────────┘    └───────┘          first:stop; the silence view shows `frames` of these
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Features

FIELDS = ("index", "start", "frames", "weight", "member", "target", "first", "stop")
ITEM = np.dtype([(name, np.float64 if name == "weight" else np.int64) for name in FIELDS])
"""An item.

index
    Index of its recording in the store.
start, frames
    Rows start:start+frames of the view of its recording are the item.
weight, member
    Weight of the manifest, and number of the network of an ensemble that trains on it.
target
    Number of its language.
first, stop
    Rows first:stop of the store hold it.
"""


class Example(NamedTuple):
    """One item as the network sees it, or several items joined or stacked.

    Attributes
    ----------
    features
        MFCCs, float32, shape (frames, n_mfcc).
    targets
        Class of each frame, int64, shape (frames,).
    weights
        Weight of each frame in the loss, float32, shape (frames,).
    """

    features: Features
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def zeros(cls, shape: tuple[int, ...], n_mfcc: int) -> "Example":
        """Return frames of weight 0; `shape` is that of the weights."""
        features = np.zeros((*shape, n_mfcc), np.float32)
        return cls(features, np.zeros(shape, np.int64), np.zeros(shape, np.float32))

    def part(self, index: Any) -> "Example":
        """Index each of the arrays, as NumPy does."""
        return Example(self.features[index], self.targets[index], self.weights[index])

    def fill(self, other: "Example") -> None:
        """Copy another example, and set all frames after it to 0."""
        arrays: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(self, other, strict=True)
        for padded, values in arrays:
            padded[: len(values)], padded[len(values) :] = values, 0
