"""Weights of sequences: classes that weigh the same, and no speaker that weighs more than its share of a class."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.counts import Counted, frames
from pipeline.rows import SequenceRow

DIGITS = 6  # after the decimal point
ROUNDING = 1e-9  # relative, of float64 sums
Group = TypeVar("Group", bound=Hashable)


def class_weight(
    rows: Sequence[SequenceRow], counted: Counted, names: Sequence[str] | None = None
) -> list[SequenceRow]:
    """Every sequence, weighted n / (k · n_class): all k classes have the same total weight.

    Parameters
    ----------
    names
        The class of each row; by default its language.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> [round(row.weight, 3) for row in class_weight(rows, counted)]
    [0.667, 0.667, 0.667, 2.0]
    """
    names = [row.language for row in rows] if names is None else names
    totals: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        totals[name] = totals.get(name, 0) + frames(row, counted)
    mean = sum(totals.values()) / len(totals)
    return [
        dataclasses.replace(row, weight=round(mean / max(totals[name], 1), DIGITS))
        for row, name in zip(rows, names, strict=True)
    ]


def cap_speakers(
    rows: Sequence[SequenceRow], counted: Counted, groups: Sequence[Group], caps: Mapping[Group, float]
) -> tuple[list[SequenceRow], dict[Group, int]]:
    """Scale weights per speaker so that none has more than a share of its group; groups keep their total weight.

    Parameters
    ----------
    groups, caps
        The group of each row, and the largest share of a speaker in each group, above 0, up to 1.

    Returns
    -------
    The rows, and the number of speakers of every group that has too few for its cap: they weigh the same.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, "a", name, 0, 9) for name in ("ann", "bob", "eve")]
    >>> counted = {"ann": np.ones(9, bool), "bob": np.arange(9) < 6, "eve": np.arange(9) < 3}
    >>> capped, few = cap_speakers(rows, counted, ["a"] * 3, {"a": 0.4})
    >>> [round(row.weight, 3) for row in capped], few
    ([0.8, 1.2, 1.2], {})
    """
    masses = _masses(rows, counted, groups)
    scales = {group: _scales(speakers, caps[group]) for group, speakers in masses.items()}
    heard = {group: sum(mass > 0 for mass in speakers.values()) for group, speakers in masses.items()}
    capped = [
        dataclasses.replace(row, weight=round(row.weight * scales[group][row.speaker], DIGITS))
        for row, group in zip(rows, groups, strict=True)
    ]
    return capped, {group: n_speakers for group, n_speakers in heard.items() if n_speakers * caps[group] < 1}


def even_speakers(
    rows: Sequence[SequenceRow], counted: Counted, groups: Sequence[Group], evenness: float
) -> list[SequenceRow]:
    """Scale weights per speaker from their own, evenness 0, to the same for all of a group, 1; groups keep their total.

    Examples
    --------
    At 0.5, a speaker with four times the frames weighs twice as much:

    >>> rows = [SequenceRow(f"{name}/0", name, "a", name, 0, 9) for name in ("ann", "bob")]
    >>> counted = {"ann": np.ones(8, bool), "bob": np.arange(8) < 2}
    >>> evened = even_speakers(rows, counted, ["a"] * 2, evenness=0.5)
    >>> [round(row.weight * frames(row, counted), 3) for row in evened]
    [6.667, 3.333]
    """
    scales = {}
    for group, masses in _masses(rows, counted, groups).items():
        values = np.array([mass**-evenness if mass > 0 else 1.0 for mass in masses.values()])
        total, evened = sum(masses.values()), float(values @ list(masses.values()))
        scales[group] = dict(zip(masses, values * (total / evened if evened else 1), strict=True))
    return [
        dataclasses.replace(row, weight=round(row.weight * float(scales[group][row.speaker]), DIGITS))
        for row, group in zip(rows, groups, strict=True)
    ]


def _masses(rows: Sequence[SequenceRow], counted: Counted, groups: Sequence[Group]) -> dict[Group, dict[str, float]]:
    """Frames times weights of each speaker in each group."""
    masses: dict[Group, dict[str, float]] = {}
    for row, group in zip(rows, groups, strict=True):
        speakers = masses.setdefault(group, {})
        speakers[row.speaker] = speakers.get(row.speaker, 0) + frames(row, counted) * row.weight
    return masses


def _scales(masses: Mapping[str, float], cap: float) -> dict[str, float]:
    """Factors per speaker after which none has more than this share of the total mass, which does not change."""
    values = np.array(list(masses.values()))
    factors = np.ones(len(values))
    heard = values > 0
    factors[heard] = _capped(values[heard], cap) / values[heard]
    return dict(zip(masses, factors.tolist(), strict=True))


def _capped(masses: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Masses of the same total: the largest are lowered to the cap, all others raised by one factor."""
    total, n = masses.sum(), len(masses)
    if n * cap <= 1:
        return np.full(n, total / max(n, 1))
    descending = np.sort(masses)[::-1]
    # The factor of the others if the k largest are at the cap, for every k; the first that leaves the next one below it
    # is right.
    factors = (1 - cap * np.arange(n)) * total / descending[::-1].cumsum()[::-1]
    fits = descending * factors <= cap * total * (1 + ROUNDING)
    capped: NDArray[np.float64] = np.minimum(masses * factors[np.argmax(fits)], cap * total)
    return capped
