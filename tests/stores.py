"""Feature stores of given rows, for the tests that read one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays import Features, Flags
from pipeline.shards import layout, writer


def build(
    path: Path,
    ids: Sequence[str],
    languages: Sequence[str],
    speakers: Sequence[str],
    lengths: Sequence[int],
    mfcc: Features,
    speech: Flags,
    attributes: Mapping[str, Any] | None = None,
    parts: Iterable[range] | None = None,
) -> None:
    """Write a store; the rows of its recordings follow one another in `mfcc` and `speech`."""
    parts = [range(len(ids))] if parts is None else list(parts)
    starts = layout.row_starts(lengths, parts)
    writer.create(path, ids, languages, speakers, starts, lengths, mfcc.shape[1], attributes or {})
    edges = np.cumsum([0, *lengths])
    for part in parts:
        rows = slice(edges[part.start], edges[part.stop])
        writer.write(path, "mfcc", starts[part.start], [mfcc[rows]])
        writer.write(path, "speech", starts[part.start], [speech[rows]])
