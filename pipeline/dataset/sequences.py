"""Sequences cut from the view of a recording."""

import itertools

import numpy as np


def cut(rows: int, length: int) -> list[tuple[int, int]]:
    """Cut a view into the fewest sequences of at most `length` rows, all nearly equally long.

    Returns
    -------
    (start, frames) of each; together they hold every row once.
    """
    edges = np.linspace(0, rows, -(-rows // length) + 1).round().astype(int).tolist() if rows else []
    return [(start, stop - start) for start, stop in itertools.pairwise(edges)]
