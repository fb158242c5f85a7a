"""Groups: the recordings that must stay in one split.

Recordings of the same speaker, of the same source, of the same decoded audio or of the same speech stay together, and
so do recordings linked by a chain of these: groups are the connected components.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.console.text import brief
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow


def groups(recordings: Sequence[RecordingRow]) -> NDArray[np.int64]:
    """Return the group of each recording, shape (recordings,), numbered in the order of their first recordings.

    Examples
    --------
    Speaker ann has two recordings, and one of them is cut from the same source as one of bob's:

    >>> rows = [
    ...     RecordingRow(r, f"{r}.wav", "english", speaker, source, 2, 32000, 16000, 1, "WAV", r, -3, -20, 0, 0)
    ...     for r, speaker, source in [("r0", "ann", "x"), ("r1", "ann", "y"), ("r2", "bob", "y"), ("r3", "eve", "z")]
    ... ]
    >>> groups(rows).tolist()
    [0, 0, 0, 1]
    """
    # A graph whose nodes are the recordings and everything that two of them can share.
    shared: dict[tuple[str, str], int] = {}
    links = [
        (number, shared.setdefault(key, len(recordings) + len(shared)))
        for number, row in enumerate(recordings)
        for key in (
            ("speaker", row.speaker.casefold()),  # Anna and anna may be one person
            ("source", row.group),
            ("audio", row.sha256),
            ("speech", row.same_speech or row.sha256),
        )
    ]
    size = len(recordings) + len(shared)
    one, other = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links), np.int8), (one, other)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(recordings)]
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[numbers])


def require_column(recordings: Sequence[RecordingRow], column: str, parameter: str) -> None:
    """Refuse a parameter that names a column which the corpus table does not have."""
    columns = sorted({name for row in recordings for name in row.extra})
    if column not in columns:
        known = ", ".join(map(brief, columns)) or "no further columns"
        raise CorpusError(f"{parameter} needs the column {brief(column)}, which the corpus table lacks; it has {known}")
