"""Items of a feature store: recordings or sequences, read lazily and viewed through a silence strategy.

row of the store   ├─────────── shard 0 ───────────┼─────────── shard 1 ──
recording           │     first     │      second      │  third ...
speech                 SSSS   SSSSS    SSS     SSS SSS
item                   └──────────┘    └───────┘          first:stop; the silence view shows `frames` of these
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Features, Flags
from pipeline.console.text import brief
from pipeline.dataset import views
from pipeline.errors import ArgumentError
from pipeline.params import SilenceStrategy
from pipeline.shards.reader import RowReader

ITEM = np.dtype(
    [
        ("index", np.int64),  # of its recording in the store
        ("start", np.int64),  # rows start:start+frames of the view of its recording
        ("frames", np.int64),
        ("weight", np.float64),  # of the manifest
        ("member", np.int64),  # number of the network of an ensemble that trains on it
        ("target", np.int64),  # number of its language
        ("first", np.int64),  # rows first:stop of the store hold it
        ("stop", np.int64),
    ]
)


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

    def part(self, index: Any) -> "Example":
        """Index each of the arrays, as NumPy does."""
        return Example(self.features[index], self.targets[index], self.weights[index])


@dataclass(frozen=True, eq=False)
class ItemReader:
    """Reads items; neighbours are read together.

    Attributes
    ----------
    store
        The store that the items are read from.
    items
        Shape (items,), of type `ITEM`: in the order of the manifest, or of the store if there is no manifest.
    strategy
        The silence strategy that shows them.
    languages
        Names in the order of the target numbers.
    """

    store: RowReader
    items: NDArray[np.void]
    strategy: SilenceStrategy = "none"
    languages: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Example]:
        for run in self.runs():
            yield from self.read(run)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Example: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | NDArray[np.integer[Any] | np.bool_]) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        """The item at a position, or the items in a slice, at several positions or with a set flag.

        Raises
        ------
        IndexError
            If a position is out of range.
        ArgumentError
            If the index is of another kind.
        """
        positions = _positions(index, len(self))
        if isinstance(positions, np.ndarray) and positions.ndim == 0:
            return next(self.read(positions.reshape(1)))
        return dataclasses.replace(self, items=self.items[positions])

    @property
    def frames(self) -> int:
        """Frames of all items."""
        return int(self.items["frames"].sum())

    def runs(self) -> list[NDArray[np.int64]]:
        """Positions of neighbours that begin in one shard, to be read at once."""
        return split_runs(self.items["first"] // self.store.shard_rows)

    def read(self, positions: NDArray[np.int64]) -> Iterator[Example]:
        """Read the items at these positions from one slice of the store that holds them all."""
        items = self.items[positions]
        first, stop = int(items["first"].min()), int(items["stop"].max())
        mfcc, speech = self.store.mfcc_rows(first, stop), self.speech(first, stop)
        for item in items:
            rows, target = slice(item["first"] - first, item["stop"] - first), int(item["target"])
            shown = views.view(self.strategy, speech[rows], target, len(self.languages))
            # The weight balances languages: frames of the class `silence` keep theirs.
            weights = np.where(shown.targets == target, shown.weights * np.float32(item["weight"]), shown.weights)
            yield Example(mfcc[rows][shown.rows], shown.targets, weights)

    def speech(self, first: int, stop: int) -> Flags:
        """Speech flags of rows first:stop of the store; not read if the strategy treats silence as speech."""
        if views.policy(self.strategy).as_speech:
            return np.ones(stop - first, np.bool_)
        return self.store.speech_rows(first, stop)

    def rows_shown(self, first: int, stop: int) -> NDArray[np.int64]:
        """The rows among first:stop of the store that the strategy shows."""
        return first + views.view(self.strategy, self.speech(first, stop), 0, 1).rows


def split_runs(values: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Positions of neighbours of equal value; no run is empty."""
    runs = np.split(np.arange(len(values)), np.flatnonzero(np.diff(values)) + 1)
    return runs if len(values) else []


def _positions(index: Any, length: int) -> slice | NDArray[np.int64]:
    """Check an index of `length` items: a slice, one position of shape (), or positions."""
    try:
        if isinstance(index, slice):
            index.indices(length)
            return index
        positions = np.asarray(index)
        if positions.dtype == np.bool_ and positions.shape == (length,):
            positions = np.flatnonzero(positions)
        whole = positions.dtype.kind in "iu" or positions.shape == (0,)
        if isinstance(index, tuple) or positions.ndim > 1 or not whole:
            raise TypeError
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{brief(index)} is not an index of a selection of {length}; take a number, a slice, or a list or array of "
            f"numbers or of {length} flags"
        ) from error
    outside = positions[(positions < -length) | (positions >= length)]
    if outside.size:
        raise IndexError(f"{outside.flat[0]} is out of range: the selection holds {length}, numbered from 0")
    return positions.astype(np.int64)
