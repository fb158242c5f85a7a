"""The balance strategies: each makes the training manifest from all sequences of uneven classes.

Classes are counted in frames of the language after the silence view. Validation and test manifests are never balanced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.dataset.counts import Counted
from pipeline.dataset.division import ensemble
from pipeline.dataset.resampling import oversample, undersample
from pipeline.dataset.weights import class_weight
from pipeline.network.ensemble import Division
from pipeline.params import BalanceStrategy
from pipeline.rows import SequenceRow


@dataclass(frozen=True)
class Balancing:
    """How a balance strategy makes the training manifest.

    Attributes
    ----------
    sentence
        The strategy in one sentence, for the report.
    apply
        Takes every sequence once; returns the manifest, and the division of the classes if there are two networks.
    resamples
        True if the choice of sequences, not their weights, balances the classes.
    """

    sentence: str
    apply: Callable[[Sequence[SequenceRow], Counted, np.random.Generator], tuple[list[SequenceRow], Division | None]]
    resamples: bool = False


METHODS: dict[BalanceStrategy, Balancing] = {
    "none": Balancing("every sequence once", lambda rows, _counted, _rng: (list(rows), None)),
    "class_weight": Balancing(
        "every sequence once, weighted so that all classes have the same total weight",
        lambda rows, counted, _rng: (class_weight(rows, counted), None),
    ),
    "undersample": Balancing(
        "larger classes reduced to the frames of the smallest, taken evenly from their sources and speakers",
        lambda rows, counted, rng: (undersample(rows, counted, rng), None),
        resamples=True,
    ),
    "oversample": Balancing(
        "sequences of the smaller classes repeated up to the frames of the largest, each time cut at another offset",
        lambda rows, counted, rng: (oversample(rows, counted, rng), None),
        resamples=True,
    ),
    "ensemble": Balancing(
        "one network separates the parts of the largest class from the rest, a second one separates the rest",
        lambda rows, counted, _rng: ensemble(rows, counted),
    ),
}


def balance(
    strategy: BalanceStrategy, rows: Sequence[SequenceRow], counted: Counted, seed: int
) -> tuple[list[SequenceRow], Division | None]:
    """Balance training sequences.

    Parameters
    ----------
    rows
        Every training sequence once.

    Returns
    -------
    The manifest, the same for any order of the rows, and the division of the classes if the strategy is `ensemble`.

    Raises
    ------
    ArgumentError
        If there is no such strategy.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> manifest, division = balance("class_weight", rows, counted, seed=0)
    >>> [(row.sequence, row.weight) for row in manifest]
    [('a0/0', 0.666667), ('a1/0', 0.666667), ('a2/0', 0.666667), ('b0/0', 2.0)]
    """
    params.choose("balance strategy", strategy, METHODS)
    in_order = sorted(rows, key=lambda row: (row.recording, row.start))
    return METHODS[strategy].apply(in_order, counted, np.random.default_rng(seed))
