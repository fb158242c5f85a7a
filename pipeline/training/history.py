"""Rows of the history of a training: those of each network, and the best of them."""

import itertools
import math
from collections.abc import Iterable

from pipeline.rows import EpochRow


def by_network(history: Iterable[EpochRow]) -> list[list[EpochRow]]:
    """Return the rows of each network, in the order of the networks.

    Examples
    --------
    >>> rows = [EpochRow(n, n // 3, 0.5, 0.5, 0.5, 0.5, 1.0) for n in (1, 2, 3)]
    >>> [[row.epoch for row in epochs] for epochs in by_network(rows)]
    [[1, 2], [3]]
    """
    return [list(epochs) for _, epochs in itertools.groupby(history, lambda row: row.member)]


def best_epoch(epochs: Iterable[EpochRow]) -> EpochRow:
    """Return the epoch of the final weights: the first with the lowest validation loss; NaN is above any number.

    Examples
    --------
    >>> losses = (float("nan"), 0.5, 0.4, 0.4)
    >>> best_epoch(EpochRow(n, 0, 0.5, 0.5, loss, 0.5, 1.0) for n, loss in enumerate(losses, 1)).epoch
    3
    """
    return min(epochs, key=lambda row: (math.isnan(row.val_loss), row.val_loss))
