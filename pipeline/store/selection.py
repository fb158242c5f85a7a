"""Recordings or sequences of a feature store, viewed through a silence strategy, in the form that a library expects.

A manifest counts rows of a view, and the view `remove` has fewer rows than the store. It is accepted only for the view
and the store that it was cut for. Every item is located in the store once, by one pass over the speech flags; after
that, its view is the view of its rows first:stop alone.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.params import SilenceStrategy
from pipeline.store import conversions
from pipeline.store.items import Example, ItemReader, split_runs


@dataclass(frozen=True, eq=False)
class Selection(ItemReader):
    """Items of a store, viewed through a silence strategy: a sequence of `Example`, which PyTorch's DataLoader takes.

    `FeatureStore.select` makes one. It is indexed like a list or an array: by a number, which gives an Example, or by
    a slice, several numbers or one flag per item, which give a selection.

    Attributes
    ----------
    items
        Shape (items,), of type `ITEM`: in the order of the manifest, or of the store if there is no manifest.
    manifest
        The file that lists the items, all cut for `strategy`; None if they are whole recordings.
    strategy
        The silence strategy.
    languages
        Names in the order of the target numbers.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from pipeline.shards import writer
    >>> from pipeline.store import FeatureStore
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "features.zarr"
    >>> mfcc, speech = np.ones((5, 13), np.float32), np.array([False, True, True, True, False])
    >>> writer.create(path, ["a", "b"], ["english", "hindi"], ["ann", "bea"], lengths=[3, 2], n_mfcc=13, attributes={})
    >>> writer.write(path, 0, mfcc, speech)

    >>> selection = FeatureStore.open(path).select().view("mask", languages=["hindi", "english"])
    >>> len(selection), selection.frames
    (2, 5)
    >>> features, targets, weights = selection[0]
    >>> features.shape, targets.tolist(), weights.tolist()
    ((3, 13), [1, 1, 1], [0.0, 1.0, 1.0])
    >>> selection[1:].numpy().weights.tolist()
    [1.0, 0.0]
    >>> selection.view("remove").dask().shape
    (3, 13)
    >>> folder.cleanup()
    """

    manifest: Path | None = None

    def view(self, strategy: SilenceStrategy, languages: Sequence[str] | None = None) -> Self:
        """The same items viewed through a silence strategy, as `views.view` defines it.

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
            raise ArtifactError(
                f"{self.manifest} is cut for the silence strategy {self.strategy!r}, not for {strategy!r}; "
                f"view it as {self.strategy!r}, or set silence.strategy to {strategy} and run `dvc repro`"
            )
        names = tuple(languages or sorted(set(self.store.languages)))
        items = self.items.copy()
        if unnamed := sorted({self.store.languages[index] for index in items["index"]} - set(names)):
            raise ArtifactError(f"{unnamed[0]!r} is selected but not among the languages {', '.join(names)}; add it")
        targets = [names.index(name) if name in names else -1 for name in self.store.languages]
        items["target"] = np.array(targets)[items["index"]]
        viewed = dataclasses.replace(self, items=items, strategy=strategy, languages=names)
        order = np.argsort(items["index"], kind="stable")
        for run in split_runs(items["index"][order]):
            items[order[run]] = viewed._located(items[order[run]])
        return viewed

    def _located(self, items: NDArray[np.void]) -> NDArray[np.void]:
        """Locate items of one recording in the store."""
        store, index = self.store, int(items["index"][0])
        first, length = int(store.starts[index]), int(store.lengths[index])
        rows = self.rows_shown(first, first + length)
        if self.manifest is None:
            items["frames"] = len(rows)
        end = items["start"] + items["frames"]
        beyond = items["frames"] > len(rows) - items["start"]  # the sum of both may overflow
        wrong = (items["start"] < 0) | beyond | ((items["frames"] < 1) & (self.manifest is not None))
        if wrong.any():
            start, frames = (int(items[wrong][name][0]) for name in ("start", "frames"))
            raise ArtifactError(
                f"rows {start}:{start + frames} of {store.ids[index]!r}, listed in "
                f"{self.manifest}, are not in its view {self.strategy!r} of {len(rows)} rows; run `dvc repro`"
            )
        items["first"], items["stop"] = first, first
        if len(rows):
            items["first"], items["stop"] = rows[items["start"]], rows[end - 1] + 1
        return items

    def in_store_order(self) -> Self:
        """The same items in the order in which they are read fastest."""
        return dataclasses.replace(self, items=self.items[np.argsort(self.items["first"], kind="stable")])

    def numpy(self) -> Example:
        """All items joined, in memory."""
        return conversions.joined(self)

    def dask(self) -> Any:
        """MFCCs of all items joined: a lazy dask.array of shape (frames, n_mfcc), in chunks of up to one shard."""
        return conversions.dask_array(self)

    def xarray(self) -> Any:
        """All items joined: a lazy xarray.Dataset of `mfcc` (frame, coefficient).

        Coordinates of the frames: recording, language and speaker (names), speech, and time (seconds from the start of
        the recording).
        """
        return conversions.xarray_dataset(self)

    def tensorflow(self) -> Any:
        """A tf.data.Dataset of examples, of known cardinality."""
        return conversions.tensorflow_dataset(self)

    def torch(self) -> Any:
        """A torch.utils.data.Dataset of examples as tensors; it can be sent to worker processes of any kind."""
        return conversions.torch_dataset(self)
