"""Weights of sequences: classes that weigh the same, and no speaker that weighs more than its share of a class."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.counts import Counted, amounts
from pipeline.network.definition import Division
from pipeline.rows import SequenceRow

DIGITS = 6  # after the decimal point
ROUNDING = 1e-9  # relative, of float64 sums

Group = tuple[int, str]  # class of a speaker: network, and language or part of a divided one


def class_weight(
    rows: Sequence[SequenceRow], counted: Counted, name: Callable[[SequenceRow], str] = lambda row: row.language
) -> list[SequenceRow]:
    """Weight every sequence n / (k · n_class): all k classes have the same total weight.

    Parameters
    ----------
    name
        Returns the class of a row; by default its language.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> [round(row.weight, 3) for row in class_weight(rows, counted)]
    [0.667, 0.667, 0.667, 2.0]
    """
    totals = amounts(rows, counted, name)
    mean = sum(totals.values()) / len(totals)
    return [dataclasses.replace(row, weight=round(mean / max(totals[name(row)], 1), DIGITS)) for row in rows]


def even_speakers(
    rows: Sequence[SequenceRow], counted: Counted, division: Division | None, evenness: float
) -> list[SequenceRow]:
    """Scale weights per speaker, from their own at evenness 0 to the same for all of a class at 1; classes keep theirs.

    Examples
    --------
    At 0.5, a speaker with four times the frames weighs twice as much:

    >>> rows = [SequenceRow(f"{name}/0", name, "a", name, 0, 9) for name in ("ann", "bob")]
    >>> counted = {"ann": np.ones(8, bool), "bob": np.arange(8) < 2}
    >>> [round(row.weight, 3) for row in even_speakers(rows, counted, None, evenness=0.5)]
    [0.833, 1.667]
    """

    def evened(masses: NDArray[np.float64], _group: Group) -> NDArray[np.float64]:
        factors = np.power(masses, -evenness, where=masses > 0, out=np.ones(len(masses)))
        total = factors @ masses
        return factors * (sum(masses) / total if total else 1)

    return _scaled(rows, counted, division, evened)


def limit_speakers(
    rows: Sequence[SequenceRow], counted: Counted, division: Division | None, cap: float
) -> tuple[list[SequenceRow], list[str]]:
    """Scale weights so that no speaker has more than a share of its language; classes keep their total weight.

    In an ensemble, the share is of the language in each network, where each of M parts has 1 / M of its language.

    Returns
    -------
    The manifest, and a sentence about every class with too few speakers for the cap: they weigh the same.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], name, 0, 9) for name in ("a1", "a2", "a3", "b1")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> limit_speakers(rows, counted, None, cap=0.5)[1]
    ['balance.cap 0.5: b has 1 speaker in train, with 100.0% of its weight']
    """
    few: dict[str, int] = {}  # speakers with speech, by class
    parts = set(division.part_of.values()) if division else set()

    def capped(masses: NDArray[np.float64], group: Group) -> NDArray[np.float64]:
        limit = min(1, cap * len(parts)) if group[1] in parts else cap
        audible = masses > 0
        count = int(audible.sum())
        if 0 < count * limit < 1:
            few[group[1]] = count
        factors = np.ones(len(masses))
        factors[audible] = _capped(masses[audible], limit) / masses[audible]
        return factors

    scaled = _scaled(rows, counted, division, capped)
    return scaled, [
        f"balance.cap {cap}: {name} has {count} speaker{'s' if count > 1 else ''} in train,"
        f"{' each' if count > 1 else ''} with {1 / count:.1%} of its weight"
        for name, count in few.items()
    ]


def _scaled(
    rows: Sequence[SequenceRow],
    counted: Counted,
    division: Division | None,
    scale: Callable[[NDArray[np.float64], Group], NDArray[np.float64]],
) -> list[SequenceRow]:
    """Multiply weights by a factor per speaker and class.

    Parameters
    ----------
    scale
        Returns the factors of the speakers of a class, given frames times weights of each.
    """

    def group(row: SequenceRow) -> Group:
        divided = division is not None and row.language == division.large
        return row.member, division.part_of[row.speaker] if division and divided else row.language

    masses: dict[Group, dict[str, float]] = {}
    for (of, speaker), mass in amounts(rows, counted, lambda row: (group(row), row.speaker), weighted=True).items():
        masses.setdefault(of, {})[speaker] = mass
    factors = {
        of: dict(zip(speakers, scale(np.array([*speakers.values()]), of).tolist(), strict=True))
        for of, speakers in masses.items()
    }
    return [
        dataclasses.replace(row, weight=round(row.weight * factors[group(row)][row.speaker], DIGITS)) for row in rows
    ]


def _capped(masses: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Return masses of the same total: the largest are lowered to the cap, all others raised by one factor."""
    total, n = masses.sum(), len(masses)
    if n * cap <= 1:
        return np.full(n, total / max(n, 1))
    descending = np.sort(masses)[::-1]
    # The factor of the others if the k largest are at the cap, for every k; the first that leaves the next one below it
    # is right.
    factors = (1 - cap * np.arange(n)) * total / descending[::-1].cumsum()[::-1]
    fits = descending * factors <= cap * total * (1 + ROUNDING)
    return np.asarray(np.minimum(masses * factors[np.argmax(fits)], cap * total))
