"""Feature stores of given rows, for the tests that read one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.arrays import Features, Flags
from pipeline.shards import layout, writer
from pipeline.store.feature_store import FeatureStore


def watch(patch: pytest.MonkeyPatch, read: str) -> list[tuple[int, int]]:
    """Return the slices of rows that this function of a store reads from now on."""
    slices, real = list[tuple[int, int]](), getattr(FeatureStore, read)

    def watched(store: FeatureStore, start: int, stop: int) -> Any:
        slices.extend([(start, stop)] if start < stop else [])
        return real(store, start, stop)

    patch.setattr(FeatureStore, read, watched)
    return slices


def build(
    path: Path,
    ids: Sequence[str],
    languages: Sequence[str],
    speakers: Sequence[str],
    lengths: Sequence[int],
    mfcc: Features,
    speech: Flags,
    attributes: Mapping[str, Any] | None = None,
    parts: Sequence[range] = (),
    shard_rows: int = layout.SHARD_ROWS,
) -> FeatureStore:
    """Write a store and open it; the rows of its recordings follow one another in `mfcc` and `speech`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SHARD_ROWS", shard_rows)
        patch.setattr(layout, "CHUNK_ROWS", min(layout.CHUNK_ROWS, shard_rows // 4))
        parts = parts or [range(len(ids))]
        starts = layout.row_starts(lengths, parts)
        writer.create(path, ids, languages, speakers, starts, lengths, mfcc.shape[1], attributes or {})
        edges = np.cumsum([0, *lengths])
        for part in parts:
            rows = slice(edges[part.start], edges[part.stop])
            writer.write(path, "mfcc", starts[part.start], [mfcc[rows]])
            writer.write(path, "speech", starts[part.start], [speech[rows]])
    return FeatureStore.open(path)
