"""Items in the form that another library expects: arrays of all items joined, or a dataset of examples."""

import dataclasses
import importlib.util
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import backend
from pipeline.errors import ProgramError
from pipeline.store.items import Example

if TYPE_CHECKING:
    from pipeline.store.selection import Selection

# Coordinates that repeat an attribute of the store.
STORE_COLUMNS = {"recording": "ids", "language": "languages", "speaker": "speakers"}
COORDINATES = (*STORE_COLUMNS, "speech", "time")  # one value per frame


def dask_array(selection: "Selection", column: str = "mfcc") -> Any:
    """Join a column of all items as a lazy dask.array in chunks of up to one shard.

    Parameters
    ----------
    column
        "mfcc", shape (frames, n_mfcc), or one of `COORDINATES`, shape (frames,).
    """
    dask, array = _library("dask"), _library("dask.array")
    cut = _cut_at_shards(selection)
    source, values = dask.delayed(cut, traverse=False), dask.delayed(_values)
    some = _values(cut, column, np.zeros(0, np.int64))  # its type and the shape of a row
    chunks = [
        array.from_delayed(
            values(source, column, run), (int(cut.items["frames"][run].sum()), *some.shape[1:]), some.dtype
        )
        for run in cut.runs()
    ]
    return array.concatenate(chunks or [array.from_array(some)])


def xarray_dataset(selection: "Selection") -> Any:
    """Join all items as a lazy xarray.Dataset of `mfcc` with the `COORDINATES`."""
    return _library("xarray").Dataset(
        {"mfcc": (("frame", "coefficient"), dask_array(selection))},
        {name: ("frame", dask_array(selection, name)) for name in COORDINATES},
    )


def tensorflow_dataset(
    examples: Callable[[], Iterable[Any]], shape: tuple[int | None, ...], count: int | None = None
) -> Any:
    """Return a tf.data.Dataset of examples or batches, as users and the training read them.

    Parameters
    ----------
    examples
        Starts an iteration over features, targets and weights.
    shape
        Shape of the features, (..., n_mfcc).
    count
        Number of examples, if it is known.
    """
    tensorflow = _library("tensorflow")
    spec, options = tensorflow.TensorSpec, tensorflow.data.Options()
    options.autotune.enabled = False  # there is nothing to tune, and ending the tuner takes a second per epoch
    signature = Example(
        spec(shape, tensorflow.float32), spec(shape[:-1], tensorflow.int64), spec(shape[:-1], tensorflow.float32)
    )
    dataset = tensorflow.data.Dataset.from_generator(examples, output_signature=signature).with_options(options)
    return dataset if count is None else dataset.apply(tensorflow.data.experimental.assert_cardinality(count))


class Tensors:
    """Items as tensors, indexed like the items: a dataset for PyTorch, which need not be installed."""

    def __init__(self, items: "Selection") -> None:
        _library("torch")
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        import torch

        found = self._items[index]
        return Example(*map(torch.from_numpy, found)) if isinstance(found, Example) else Tensors(found)


def _library(name: str) -> Any:
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        raise ProgramError(f"{package} is not installed; to read features in this form, `pip install {package}`")
    if package == "tensorflow":
        backend.keras()  # prepares it
    return importlib.import_module(name)


def _cut_at_shards(selection: "Selection") -> "Selection":
    """Return the same rows in items that each lie in one shard: a long recording becomes several items."""
    items, shard_rows = selection.items, selection.store.shard_rows
    counts = np.maximum(items["stop"] - 1, items["first"]) // shard_rows - items["first"] // shard_rows + 1
    cut = np.repeat(items, counts)
    nth = np.arange(len(cut)) - np.repeat(np.cumsum(counts) - counts, counts)
    border = (cut["first"] // shard_rows + nth) * shard_rows
    cut["first"], cut["stop"] = np.maximum(cut["first"], border), np.minimum(cut["stop"], border + shard_rows)
    for position in np.flatnonzero(np.repeat(counts > 1, counts)):
        cut["frames"][position] = len(selection.rows_shown(int(cut["first"][position]), int(cut["stop"][position])))
    return dataclasses.replace(selection, items=cut)


def _values(selection: "Selection", column: str, positions: NDArray[np.int64]) -> NDArray[Any]:
    """Return a column of the items at these positions, which are in one shard."""
    chosen, store = selection[positions], selection.store
    items = chosen.items
    if column in STORE_COLUMNS:
        return np.repeat(np.array(getattr(store, STORE_COLUMNS[column]))[items["index"]], items["frames"])
    shown = [chosen.rows_shown(*ends) for ends in zip(items["first"].tolist(), items["stop"].tolist(), strict=True)]
    rows = np.concatenate([np.zeros(0, np.int64), *shown])
    if column == "time":
        return np.asarray((rows - np.repeat(store.starts[items["index"]], items["frames"])) * store.frame_s)
    first, stop = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
    read: Callable[[int, int], NDArray[Any]] = store.mfcc_rows if column == "mfcc" else store.speech_rows
    return np.asarray(read(first, stop)[rows - first])
