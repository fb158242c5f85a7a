"""Columns of a selection, a value or a row of them a frame, as lazy dask arrays of one chunk a shard."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import views

if TYPE_CHECKING:
    from pipeline.store.feature_store import FeatureStore
    from pipeline.store.selection import Selection

NAMES = {
    "recording": "ids",
    "language": "languages",
    "speaker": "speakers",
}  # columns, and what of the store they repeat
OF_FRAMES = (*NAMES, "speech", "time")


def lazy(selection: "Selection", name: str) -> Any:
    """A column of all items joined, as a dask.array: `mfcc` of shape (frames, n_mfcc), one of `OF_FRAMES` (frames,)."""
    import dask
    import dask.array

    pieces = _within_shards(selection)
    kind, shape = _kind(selection.store, name)
    source, column = dask.delayed(pieces, traverse=False), dask.delayed(_column)
    chunks = [
        dask.array.from_delayed(
            column(source, name, run), shape=(int(pieces.items["frames"][run].sum()), *shape), dtype=kind
        )
        for run in pieces.runs()
    ]
    return dask.array.concatenate(chunks or [dask.array.empty((0, *shape), dtype=kind)])


def _kind(store: "FeatureStore", name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if name == "mfcc":
        return np.dtype(np.float32), (store.mfcc.shape[1],)
    if name in NAMES:
        return np.array(getattr(store, NAMES[name])).dtype, ()
    return np.dtype(np.bool_ if name == "speech" else np.float64), ()


def _within_shards(selection: "Selection") -> "Selection":
    """The same rows in items that each lie in one shard: of a long recording, several."""
    items, shard = selection.items, selection.store.shard
    pieces = np.maximum(items["stop"] - 1, items["first"]) // shard - items["first"] // shard + 1
    cut = np.repeat(items, pieces)
    nth = np.arange(len(cut)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    border = (cut["first"] // shard + nth) * shard
    cut["first"], cut["stop"] = np.maximum(cut["first"], border), np.minimum(cut["stop"], border + shard)
    for number in np.flatnonzero(np.repeat(pieces > 1, pieces)):
        cut["frames"][number] = len(_rows(selection, cut[number]))
    return dataclasses.replace(selection, items=cut)


def _rows(selection: "Selection", item: np.void) -> NDArray[np.int64]:
    """Rows of the store that the view shows of an item."""
    first, stop = int(item["first"]), int(item["stop"])
    seen = views.view(selection.strategy, selection.speech(first, stop, selection.strategy), 0, 1)
    return first + seen.rows


def _column(selection: "Selection", name: str, run: NDArray[np.int64]) -> NDArray[Any]:
    """A column of some items, by number."""
    if name == "mfcc":
        return np.concatenate([example.features for example in selection.read(run)])
    store, items = selection.store, selection.items[run]
    if name in NAMES:
        return np.repeat(np.array(getattr(store, NAMES[name]))[items["recording"]], items["frames"])
    rows = [_rows(selection, item) for item in items]
    if name == "time":
        starts = store.starts[items["recording"]]
        return np.concatenate([seen - start for seen, start in zip(rows, starts, strict=True)]) * store.frame_s
    flags = [store.speech_rows(int(item["first"]), int(item["stop"])) for item in items]
    found = zip(flags, rows, items["first"], strict=True)
    return np.concatenate([speech[seen - first] for speech, seen, first in found])
