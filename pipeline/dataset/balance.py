"""The balance strategies: each makes the training manifest from all sequences of uneven classes.

Classes are counted in frames of the language after the silence view. Validation and test manifests are never balanced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.dataset import weights
from pipeline.dataset.counts import Counted
from pipeline.dataset.division import ensemble
from pipeline.dataset.resampling import oversample, undersample
from pipeline.dataset.weights import cap_speakers, class_weight
from pipeline.network.ensemble import Division
from pipeline.params import BalanceStrategy
from pipeline.rows import SequenceRow


@dataclass(frozen=True)
class Method:
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


METHODS: dict[BalanceStrategy, Method] = {
    "none": Method("every sequence once", lambda rows, _counted, _rng: (list(rows), None)),
    "class_weight": Method(
        "every sequence once, weighted so that all classes have the same total weight",
        lambda rows, counted, _rng: (class_weight(rows, counted), None),
    ),
    "undersample": Method(
        "larger classes reduced to the frames of the smallest, taken evenly from their sources and speakers",
        lambda rows, counted, rng: (undersample(rows, counted, rng), None),
        resamples=True,
    ),
    "oversample": Method(
        "sequences of the smaller classes repeated up to the frames of the largest, each time cut at another offset",
        lambda rows, counted, rng: (oversample(rows, counted, rng), None),
        resamples=True,
    ),
    "ensemble": Method(
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


def limit_speakers(
    rows: Sequence[SequenceRow], counted: Counted, division: Division | None, cap: float
) -> tuple[list[SequenceRow], list[str]]:
    """Scale weights so that no speaker has more than a share of its language; classes keep their total weight.

    In an ensemble, the share is of the language in each network, where each of M parts has 1 / M of its language.

    Returns
    -------
    The manifest, and a sentence about every class with too few speakers for the cap.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], name, 0, 9) for name in ("a1", "a2", "a3", "b1")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> limit_speakers(rows, counted, None, cap=0.5)[1]
    ['balance.cap 0.5: b has 1 speaker in train, with 100.0% of its weight']
    """
    parts = division.parts if division else ()
    large = division.large if division else ""
    groups = _speakers_of(rows, division)
    caps = {group: cap if group[2] is None else min(1, cap * len(parts)) for group in groups}
    capped, few = cap_speakers(rows, counted, groups, caps)
    whole = {language: n_speakers for (_, language, part), n_speakers in few.items() if part is None}
    notes = [
        f"balance.cap {cap}: {language} has {_all_weigh(n_speakers)} of its weight"
        for language, n_speakers in whole.items()
    ]
    if in_parts := [n_speakers for (_, _, part), n_speakers in few.items() if part is not None]:
        share = 1 / min(in_parts) / len(parts)
        some = f"{len(in_parts)} of the {len(parts)} parts of {large}"
        notes.append(f"balance.cap {cap}: {some} have too few speakers, and one may weigh {share:.1%} of {large}")
    return capped, notes


def even_speakers(
    rows: Sequence[SequenceRow], counted: Counted, division: Division | None, evenness: float
) -> list[SequenceRow]:
    """Scale weights so that speakers weigh more alike, as `weights.even_speakers` does; classes keep their weight."""
    return weights.even_speakers(rows, counted, _speakers_of(rows, division), evenness)


def _speakers_of(rows: Sequence[SequenceRow], division: Division | None) -> list[tuple[int, str, int | None]]:
    """The class that the speaker of each row belongs to: the network, the language and, of a divided one, the part."""
    parts = division.parts if division else ()
    large = division.large if division and len(parts) > 1 else None
    part_of = {name: number for number, part in enumerate(parts) for name in part}
    return [(row.member, row.language, part_of[row.speaker] if row.language == large else None) for row in rows]


def _all_weigh(n_speakers: int) -> str:
    who = "1 speaker in train," if n_speakers == 1 else f"{n_speakers} speakers in train, each"
    return f"{who} with {1 / n_speakers:.1%}"
