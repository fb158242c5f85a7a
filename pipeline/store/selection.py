"""Recordings or sequences of a feature store, viewed through a silence strategy, in the form that a library expects.

A manifest counts rows of a view, and the view `remove` has fewer rows than the store. It is accepted only for the view
and the store that it was cut for. Every item is located in the store once; after that, its view is the view of its rows
first:stop alone.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from pipeline.console.text import brief
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.params import SilenceStrategy
from pipeline.shards.reader import RowReader
from pipeline.store import conversions
from pipeline.store.items import Example

# Coordinates that repeat an attribute of the store.
STORE_COLUMNS = {"recording": "ids", "language": "languages", "speaker": "speakers"}
COORDINATES = (*STORE_COLUMNS, "speech", "time")  # one value per frame


@dataclass(frozen=True, eq=False)
class Selection:
    """Items of a store, viewed through a silence strategy: a sequence of `Example`, which PyTorch's DataLoader takes.

    `FeatureStore.select` makes one. It is indexed like a list or an array: by a number, which gives an Example, or by
    a slice, several numbers or one flag per item, which give a selection. The class FeatureStore has an example.

    Attributes
    ----------
    store
        The store that the items are read from.
    items
        Shape (items,), of type `ITEM`: in the order of the manifest, or of the store if there is no manifest.
    strategy
        The silence strategy.
    languages
        Names in the order of the target numbers.
    manifest
        The file that lists the items, all cut for `strategy`; None if they are whole recordings.
    """

    store: RowReader
    items: NDArray[np.void]
    strategy: SilenceStrategy = "none"
    languages: tuple[str, ...] = ()
    manifest: Path | None = None

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
        """Return the item at a position, or the items in a slice, at several positions or with a set flag.

        Raises
        ------
        IndexError
            If a position is out of range, or the index is of another kind.
        """
        chosen = np.arange(len(self))[index]
        if chosen.ndim > 1:
            raise IndexError(f"{brief(index)} is not an index of a selection; take a number, a slice or a list")
        if chosen.ndim == 0:
            return next(self.read(chosen.reshape(1)))
        return dataclasses.replace(self, items=self.items[chosen])

    @property
    def frames(self) -> int:
        """Number of frames of all items."""
        return int(self.items["frames"].sum())

    def runs(self) -> list[NDArray[np.int64]]:
        """Return positions of neighbours that begin in one shard, to be read at once."""
        return _split_runs(self.items["first"] // self.store.shard_rows)

    def read(self, positions: NDArray[np.int64]) -> Iterator[Example]:
        """Read the items at these positions from one slice of the store that holds them all."""
        items = self.items[positions]
        first, stop = int(items["first"].min()), int(items["stop"].max())
        mfcc, speech = self.store.mfcc_rows(first, stop), self.store.speech_rows(first, stop)
        for item in items:
            rows, target = slice(item["first"] - first, item["stop"] - first), int(item["target"])
            shown = views.view(self.strategy, speech[rows], target, len(self.languages))
            # The weight balances languages: frames of the class `silence` keep theirs.
            weights = np.where(shown.targets == target, shown.weights * np.float32(item["weight"]), shown.weights)
            yield Example(mfcc[rows][shown.rows], shown.targets, weights)

    def rows_shown(self, first: int, stop: int) -> NDArray[np.int64]:
        """Return the rows among first:stop of the store that the strategy shows."""
        if views.policy(self.strategy).seen:
            return np.arange(first, stop)
        return first + np.flatnonzero(self.store.speech_rows(first, stop))

    def view(self, strategy: SilenceStrategy, languages: Sequence[str] | None = None) -> Self:
        """View the same items through a silence strategy, as `views.view` defines it.

        Parameters
        ----------
        languages
            In the order of the target numbers; by default the languages of the store, by name.

        Raises
        ------
        ArgumentError
            If there is no such strategy.
        ArtifactError
            If the manifest was cut for another strategy, or an item is of a language that is not named.
        """
        views.policy(strategy)
        if self.manifest is not None and strategy != self.strategy:
            why = f"{self.manifest} is cut for the silence strategy {self.strategy!r}, not for {strategy!r}"
            raise ArtifactError(f"{why}; view it as {self.strategy!r}, or set silence.strategy and run `dvc repro`")
        names = tuple(languages or sorted(set(self.store.languages)))
        items = self.items.copy()
        if unnamed := sorted({self.store.languages[index] for index in items["index"]} - set(names)):
            raise ArtifactError(f"{unnamed[0]!r} is selected but not among the languages {', '.join(names)}; add it")
        targets = [names.index(name) if name in names else -1 for name in self.store.languages]
        items["target"] = np.array(targets)[items["index"]]
        viewed = dataclasses.replace(self, items=items, strategy=strategy, languages=names)
        return viewed if strategy == self.strategy else viewed.located()

    def located(self) -> Self:
        """Locate the items in the store: their rows of the view are within rows first:stop of the store.

        Raises
        ------
        ArtifactError
            If the manifest lists rows that the view does not have.
        """
        store, items = self.store, self.items.copy()
        order = np.argsort(items["index"], kind="stable")
        for run in _split_runs(items["index"][order]):
            at = order[run]
            index = int(items["index"][at[0]])
            first = int(store.starts[index])
            rows = self.rows_shown(first, first + int(store.lengths[index]))
            if self.manifest is None:
                items["frames"][at] = len(rows)
            start, frames = items["start"][at], items["frames"][at]
            beyond = frames > len(rows) - start  # the sum of both may overflow
            wrong = (start < 0) | beyond | ((frames < 1) & (self.manifest is not None))
            if wrong.any():
                begin, count = int(start[wrong][0]), int(frames[wrong][0])
                listed = f"rows {begin}:{begin + count} of {store.ids[index]!r}, listed in {self.manifest}"
                raise ArtifactError(f"{listed}, are not in its view {self.strategy!r} of {len(rows)}; run `dvc repro`")
            items["first"][at] = rows[start] if len(rows) else first
            items["stop"][at] = rows[start + frames - 1] + 1 if len(rows) else first
        return dataclasses.replace(self, items=items)

    def in_store_order(self) -> Self:
        """Return the same items in the order in which they are read fastest."""
        return dataclasses.replace(self, items=self.items[np.argsort(self.items["first"], kind="stable")])

    def numpy(self) -> Example:
        """Join all items in memory."""
        every = Example.zeros((self.frames,), self.store.mfcc.shape[1])
        for example, end in zip(self, np.cumsum(self.items["frames"]).tolist(), strict=True):
            every.part(slice(end - len(example.targets), end)).fill(example)
        return every

    def dask(self) -> Any:
        """Join the MFCCs of all items: a lazy dask.array of shape (frames, n_mfcc), in chunks of up to one shard."""
        return self._joined("mfcc")

    def xarray(self) -> Any:
        """Join all items: a lazy xarray.Dataset of `mfcc` (frame, coefficient).

        Coordinates of the frames: recording, language and speaker (names), speech, and time (seconds from the start of
        the recording).
        """
        return conversions.library("xarray").Dataset(
            {"mfcc": (("frame", "coefficient"), self._joined("mfcc"))},
            {name: ("frame", self._joined(name)) for name in COORDINATES},
        )

    def tensorflow(self) -> Any:
        """Return a tf.data.Dataset of examples, of known cardinality."""
        return conversions.tensorflow_dataset(lambda: iter(self), (None, self.store.mfcc.shape[1]), len(self))

    def torch(self) -> Any:
        """Return the items as tensors for PyTorch's DataLoader; it can be sent to worker processes of any kind."""
        return conversions.Tensors(self)

    def _joined(self, column: str) -> Any:
        """Join a column of all items lazily: "mfcc", or one of `COORDINATES`."""
        dask, array = conversions.library("dask"), conversions.library("dask.array")
        cut = self._cut_at_shards()
        source, values = dask.delayed(cut, traverse=False), dask.delayed(Selection._values)
        some = cut._values(column, np.zeros(0, np.int64))  # its type and the shape of a row
        chunks = [
            array.from_delayed(values(source, column, run), (cut[run].frames, *some.shape[1:]), some.dtype)
            for run in cut.runs()
        ]
        return array.concatenate(chunks or [array.from_array(some)])

    def _cut_at_shards(self) -> Self:
        """Return the same rows in items that each lie in one shard: a long recording becomes several items."""
        items, shard_rows = self.items, self.store.shard_rows
        counts = np.maximum(items["stop"] - 1, items["first"]) // shard_rows - items["first"] // shard_rows + 1
        cut = np.repeat(items, counts)
        nth = np.arange(len(cut)) - np.repeat(np.cumsum(counts) - counts, counts)
        border = (cut["first"] // shard_rows + nth) * shard_rows
        cut["first"], cut["stop"] = np.maximum(cut["first"], border), np.minimum(cut["stop"], border + shard_rows)
        for position in np.flatnonzero(np.repeat(counts > 1, counts)):
            cut["frames"][position] = len(self.rows_shown(int(cut["first"][position]), int(cut["stop"][position])))
        return dataclasses.replace(self, items=cut)

    def _values(self, column: str, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Return a column of the items at these positions, which are in one shard."""
        store, items = self.store, self.items[positions]
        if column in STORE_COLUMNS:
            return np.repeat(np.array(getattr(store, STORE_COLUMNS[column]))[items["index"]], items["frames"])
        shown = [self.rows_shown(*ends) for ends in zip(items["first"].tolist(), items["stop"].tolist(), strict=True)]
        rows = np.concatenate([np.zeros(0, np.int64), *shown])
        if column == "time":
            return np.asarray((rows - np.repeat(store.starts[items["index"]], items["frames"])) * store.frame_s)
        first, stop = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
        read: Callable[[int, int], NDArray[Any]] = store.mfcc_rows if column == "mfcc" else store.speech_rows
        return np.asarray(read(first, stop)[rows - first])


def _split_runs(values: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return positions of neighbours of equal value; no run is empty."""
    runs = np.split(np.arange(len(values)), np.flatnonzero(np.diff(values)) + 1)
    return runs if len(values) else []
