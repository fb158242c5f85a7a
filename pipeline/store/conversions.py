"""Items in the form that another library expects: arrays of all items joined, or a dataset of examples."""

import dataclasses
import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import backend
from pipeline.errors import ProgramError
from pipeline.shards.reader import RowReader
from pipeline.store.items import Example, ItemReader

# Coordinates that repeat an attribute of the store.
STORE_COLUMNS = {"recording": "ids", "language": "languages", "speaker": "speakers"}
COORDINATES = (*STORE_COLUMNS, "speech", "time")  # one value per frame


def joined(reader: ItemReader) -> Example:
    """All items joined, in memory."""
    every = Example(
        np.empty((reader.frames, reader.store.mfcc.shape[1]), np.float32),
        np.empty(reader.frames, np.int64),
        np.empty(reader.frames, np.float32),
    )
    at = 0
    for example in reader:
        frames = slice(at, at + len(example.targets))
        for name, values in example._asdict().items():
            getattr(every, name)[frames] = values
        at = frames.stop
    return every


def dask_array(reader: ItemReader, column: str = "mfcc") -> Any:
    """A column of all items joined, as a lazy dask.array in chunks of up to one shard.

    Parameters
    ----------
    column
        "mfcc", shape (frames, n_mfcc), or one of `COORDINATES`, shape (frames,).
    """
    _require("dask")
    import dask
    import dask.array

    cut = _cut_at_shards(reader)
    dtype, shape = _kind(cut.store, column)
    source, values = dask.delayed(cut, traverse=False), dask.delayed(_values)
    chunks = [
        dask.array.from_delayed(
            values(source, column, run), shape=(int(cut.items["frames"][run].sum()), *shape), dtype=dtype
        )
        for run in cut.runs()
    ]
    return dask.array.concatenate(chunks or [dask.array.empty((0, *shape), dtype=dtype)])


def xarray_dataset(reader: ItemReader) -> Any:
    """All items joined, as a lazy xarray.Dataset of `mfcc` with the `COORDINATES`."""
    _require("xarray")
    import xarray

    return xarray.Dataset(
        {"mfcc": (("frame", "coefficient"), dask_array(reader))},
        {name: ("frame", dask_array(reader, name)) for name in COORDINATES},
    )


def tensorflow_dataset(reader: ItemReader) -> Any:
    """The items as a tf.data.Dataset of known cardinality."""
    _require("tensorflow")
    backend.keras()
    import tensorflow

    signature = Example(
        tensorflow.TensorSpec((None, reader.store.mfcc.shape[1]), tensorflow.float32),
        tensorflow.TensorSpec((None,), tensorflow.int64),
        tensorflow.TensorSpec((None,), tensorflow.float32),
    )
    examples = tensorflow.data.Dataset.from_generator(lambda: iter(reader), output_signature=signature)
    return examples.apply(tensorflow.data.experimental.assert_cardinality(len(reader)))


def torch_dataset(reader: ItemReader) -> Any:
    """The items as a torch.utils.data.Dataset of tensors."""
    _require("torch")
    from pipeline.store.tensors import Tensors

    return Tensors(reader)


def _require(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise ProgramError(f"{library} is not installed; to read features in this form, `pip install {library}`")


def _kind(store: RowReader, column: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type of a column, and the shape of its value for one frame."""
    if column == "mfcc":
        return np.dtype(np.float32), (store.mfcc.shape[1],)
    if column in STORE_COLUMNS:
        return np.array(getattr(store, STORE_COLUMNS[column])).dtype, ()
    return np.dtype(np.bool_ if column == "speech" else np.float64), ()


def _cut_at_shards(reader: ItemReader) -> ItemReader:
    """The same rows in items that each lie in one shard: a long recording becomes several items."""
    items, shard_rows = reader.items, reader.store.shard_rows
    counts = np.maximum(items["stop"] - 1, items["first"]) // shard_rows - items["first"] // shard_rows + 1
    cut = np.repeat(items, counts)
    nth = np.arange(len(cut)) - np.repeat(np.cumsum(counts) - counts, counts)
    border = (cut["first"] // shard_rows + nth) * shard_rows
    cut["first"], cut["stop"] = np.maximum(cut["first"], border), np.minimum(cut["stop"], border + shard_rows)
    for position in np.flatnonzero(np.repeat(counts > 1, counts)):
        cut["frames"][position] = len(_rows_of(reader, cut[position]))
    return dataclasses.replace(reader, items=cut)


def _rows_of(reader: ItemReader, item: np.void) -> NDArray[np.int64]:
    """Rows of the store that hold the frames of an item."""
    return reader.rows_shown(int(item["first"]), int(item["stop"]))


def _values(reader: ItemReader, column: str, positions: NDArray[np.int64]) -> NDArray[Any]:
    """A column of the items at these positions."""
    if column == "mfcc":
        return np.concatenate([example.features for example in reader.read(positions)])
    store, items = reader.store, reader.items[positions]
    if column in STORE_COLUMNS:
        return np.repeat(np.array(getattr(store, STORE_COLUMNS[column]))[items["index"]], items["frames"])
    rows = [_rows_of(reader, item) for item in items]
    if column == "time":
        starts = store.starts[items["index"]]
        return np.concatenate([found - start for found, start in zip(rows, starts, strict=True)]) * store.frame_s
    flags = [store.speech_rows(int(item["first"]), int(item["stop"])) for item in items]
    shown = zip(flags, rows, items["first"], strict=True)
    return np.concatenate([speech[found - first] for speech, found, first in shown])
