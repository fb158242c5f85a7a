"""Weights of sequences: classes that weigh the same, and speakers of a class that weigh more alike."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.counts import Counted, amounts
from pipeline.network.definition import Division
from pipeline.rows import SequenceRow

DIGITS = 6  # after the decimal point


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

    def group(row: SequenceRow) -> tuple[int, str | int]:
        """Return the class of a speaker: network, and language or part of a divided one."""
        divided = division and row.language == division.large
        return row.member, division.part_of[row.speaker] if division and divided else row.language

    def evened(masses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factors of the speakers of a class, given frames times weights of each."""
        factors = np.power(masses, -evenness, where=masses > 0, out=np.ones(len(masses)))
        total = factors @ masses
        return factors * (sum(masses) / total if total else 1)

    masses: dict[tuple[int, str | int], dict[str, float]] = {}
    for (of, speaker), mass in amounts(rows, counted, lambda row: (group(row), row.speaker), weighted=True).items():
        masses.setdefault(of, {})[speaker] = mass
    factors = {
        of: dict(zip(speakers, evened(np.array([*speakers.values()])).tolist(), strict=True))
        for of, speakers in masses.items()
    }
    return [
        dataclasses.replace(row, weight=round(row.weight * factors[group(row)][row.speaker], DIGITS)) for row in rows
    ]
