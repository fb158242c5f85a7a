"""Sequences cut from the view of a recording."""

import itertools

import numpy as np

from pipeline.params import SilenceStrategy
from pipeline.rows import SequenceRow, SplitRow


def cut(n_rows: int, length: int) -> list[tuple[int, int]]:
    """Cut a view into the fewest sequences of at most `length` rows, all of nearly the same length.

    Returns
    -------
    (start, frames) of each; together they hold every row once.

    Examples
    --------
    >>> cut(10, 4)
    [(0, 3), (3, 4), (7, 3)]
    >>> cut(0, 4)
    []
    """
    edges = np.linspace(0, n_rows, -(-n_rows // length) + 1).round().astype(int).tolist() if n_rows else []
    return [(start, stop - start) for start, stop in itertools.pairwise(edges)]


def sequence_rows(
    row: SplitRow, first: int, stop: int, length: int, view: SilenceStrategy, features: str
) -> list[SequenceRow]:
    """Return the sequences of a recording or a piece of one, as rows of a manifest.

    Parameters
    ----------
    first, stop
        Rows first:stop of the recording's view are the piece.
    length
        Maximum rows per sequence.
    view, features
        Silence strategy of the view, and id of the feature store.

    Examples
    --------
    >>> row = SplitRow("r", "hindi", "bob", "r", 0.1)
    >>> [(part.sequence, part.start, part.frames) for part in sequence_rows(row, 0, 10, 5, "mask", "id")]
    [('r/0', 0, 5), ('r/1', 5, 5)]
    """
    name = row.recording if row.pieces == 1 else f"{row.recording}/{row.piece}"
    return [
        SequenceRow(
            f"{name}/{number}", row.recording, row.language, row.speaker, first + start, frames,
            view=view, features=features, source=row.source,
        )
        for number, (start, frames) in enumerate(cut(stop - first, length))
    ]  # fmt: skip
