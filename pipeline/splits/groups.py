"""Groups: the recordings that must stay in one split; and held-out sources, for a further test set, `other`.

Recordings of the same speaker, of the same source, of the same decoded audio or of the same speech stay together, and
so do recordings linked by a chain of these: groups are the connected components. Recordings of held-out sources are
neither trained nor selected on.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.console.text import brief
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow

SOURCE = "source"  # the column of the corpus table that names where a recording comes from


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


class Divided(NamedTuple):
    """The recordings of a corpus.

    Attributes
    ----------
    kept
        Recordings to be split into train, val and test.
    other
        Recordings of held-out sources.
    left_out
        Recordings of other sources that share a speaker, source recording, audio or speech with `other`: in no split.
    """

    kept: list[RecordingRow]
    other: list[RecordingRow]
    left_out: list[RecordingRow]


def divide(recordings: Sequence[RecordingRow], holdout: Mapping[str, str | Sequence[str]]) -> Divided:
    """Keep recordings out if one of their columns has one of these values.

    Parameters
    ----------
    holdout
        One or several values by column of the corpus table.

    Raises
    ------
    CorpusError
        If the corpus has no such column or value, or a language would have no recording left.

    Examples
    --------
    >>> rows = [
    ...     RecordingRow(
    ...         f"{speaker}/{source}", "p", "hindi", speaker, f"{speaker}/{source}", 60, 960000, 16000, 1, "WAV",
    ...         f"{speaker}/{source}", -3, -20, 0, 0, extra={"source": source},
    ...     )
    ...     for speaker, source in [("ann", "tv"), ("ann", "radio"), ("bob", "radio")]
    ... ]
    >>> [[row.recording for row in part] for part in divide(rows, {"source": "tv"})]
    [['bob/radio'], ['ann/tv'], ['ann/radio']]
    """
    wanted = {column: (values,) if isinstance(values, str) else values for column, values in holdout.items()}
    for column, values in wanted.items():
        require_column(recordings, column, "split.holdout")
        known = sorted({row.extra[column] for row in recordings if row.extra.get(column)})
        if unknown := [value for value in values if value not in known]:
            absent, there = f"{column} {brief(unknown[0])}", ", ".join(map(brief, known[:10])) or "none"
            raise CorpusError(f"split.holdout keeps {absent} out, but no recording has it; there are {there}")
    held = [any(row.extra.get(column) in values for column, values in wanted.items()) for row in recordings]
    group = groups(recordings).tolist()
    touched = {number for number, out in zip(group, held, strict=True) if out}
    parts = Divided([], [], [])
    for row, number, out in zip(recordings, group, held, strict=True):
        (parts.other if out else parts.left_out if number in touched else parts.kept).append(row)
    if lost := {row.language for row in recordings} - {row.language for row in parts.kept}:
        why = "all are of the held-out sources or share a speaker with them; hold out less, or add recordings"
        raise CorpusError(f"split.holdout leaves no recording of {brief(min(lost))} to train on: {why}")
    return parts


def notes(recordings: Sequence[RecordingRow], left_out: int) -> list[str]:
    """Return what the sources of a corpus leave unknown, one sentence each."""
    sentences = []
    if left_out:
        shared = "share a speaker, a source recording, audio or speech with those of held-out sources"
        sentences.append(f"{left_out:,} recordings {shared} and are left out of all splits")
    sources: dict[str, set[str]] = {}
    for row in recordings:
        sources.setdefault(row.language, set()).add(row.extra.get(SOURCE, ""))
    if len(set.union(*sources.values())) > 1:
        sentences += [
            f"{language}: all recordings come from {brief(next(iter(found)))}, so that these data can't tell whether "
            "the language or its source is recognised"
            for language, found in sorted(sources.items())
            if len(found) == 1
        ]
    return sentences


def require_column(recordings: Sequence[RecordingRow], column: str, parameter: str) -> None:
    """Refuse a parameter that names a column which the corpus table does not have."""
    columns = sorted({name for row in recordings for name in row.extra})
    if column not in columns:
        known = ", ".join(map(brief, columns)) or "no further columns"
        raise CorpusError(f"{parameter} names {brief(column)}, but the corpus table has no such column; it has {known}")
