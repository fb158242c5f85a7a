"""The two networks of an ensemble: which classes each separates, with which sequences and weights."""

import dataclasses
from collections.abc import Callable, Sequence

from pipeline.console.text import brief
from pipeline.dataset.counts import Counted, amounts, class_totals
from pipeline.dataset.partition import divide, ratio
from pipeline.dataset.weights import class_weight
from pipeline.network.ensemble import Division
from pipeline.rows import SequenceRow

MAX_RATIO = 1.5  # of the largest new class to the smallest, without a remark


def ensemble(rows: Sequence[SequenceRow], counted: Counted) -> tuple[list[SequenceRow], Division]:
    """Take every sequence once for the first network, and those of the super-class once more for the second.

    The parts of the largest class are only roughly equal, and the classes of the super-class are uneven. Weights
    balance them as in `class_weight`, for each network separately.

    Examples
    --------
    >>> import numpy as np
    >>> names = ("a0", "a1", "a2", "a3", "b0", "c0")
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], f"speaker {name}", 0, 9) for name in names]
    >>> manifest, division = ensemble(rows, {row.recording: np.ones(9, bool) for row in rows})
    >>> division.large, division.others, len(division.parts)
    ('a', ('b', 'c'), 2)
    >>> [row.recording for row in manifest if row.member == 1]
    ['b0', 'c0']
    """
    totals = class_totals(rows, counted)
    large = max(totals, key=lambda language: totals[language])
    parts = divide(_speakers(rows, counted, large), sum(totals.values()) - totals[large])
    division = Division(large, parts, others=tuple(language for language in totals if language != large))
    others = [dataclasses.replace(row, member=1) for row in rows if row.language != large]
    return class_weight(rows, counted, _new_class(division)) + class_weight(others, counted), division


def class_sizes(rows: Sequence[SequenceRow], counted: Counted, division: Division | None) -> dict[str, int]:
    """Return frames that count, by class of the first or only network.

    Examples
    --------
    >>> import numpy as np
    >>> rows = [SequenceRow("r/0", "r", "a", "ann", 0, 9), SequenceRow("q/0", "q", "b", "ann", 0, 5)]
    >>> class_sizes(rows, {"r": np.ones(9, bool), "q": np.ones(5, bool)}, Division("a", (("ann",),), ("b",)))
    {'a, part 1 of 1': 9, 'others': 5}
    """
    if division is None:
        return class_totals(rows, counted)
    return amounts((row for row in rows if row.member == 0), counted, _new_class(division))


def remark(rows: Sequence[SequenceRow], counted: Counted, division: Division) -> str | None:
    """Return why the new classes are uneven; None if the largest has at most 1.5 times the frames of the smallest.

    Examples
    --------
    >>> import numpy as np
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], name, 0, n) for name, n in (("a1", 60), ("a2", 5), ("b", 10))]
    >>> counted = {row.recording: np.ones(row.frames, bool) for row in rows}
    >>> remark(rows, counted, Division("a", (("a1", "a2"),), ("b",)))  # doctest: +ELLIPSIS
    "ensemble: the largest new class has 6.5 times the frames of the smallest: 'a1' speaks 92% of a, ..."
    """
    sizes = class_sizes(rows, counted, division)
    if ratio(sizes.values()) <= MAX_RATIO:
        return None
    speakers = _speakers(rows, counted, division.large)
    total, loudest = sum(speakers.values()), max(speakers, key=lambda name: speakers[name])
    if total < sizes["others"]:
        reason = f"{division.large} has fewer frames than all other languages together; another strategy fits better"
    else:
        share = speakers[loudest] / total
        reason = f"{brief(loudest)} speaks {share:.0%} of {division.large}, and speakers are not divided"
    return f"ensemble: the largest new class has {ratio(sizes.values()):.1f} times the frames of the smallest: {reason}"


def _new_class(division: Division) -> Callable[[SequenceRow], str]:
    """Return a function that names the class of a row in the first network: a part of the large language or others."""
    return lambda row: division.part_of[row.speaker] if row.language == division.large else "others"


def _speakers(rows: Sequence[SequenceRow], counted: Counted, language: str) -> dict[str, int]:
    """Return frames that count of every speaker of a language, for the first network."""
    mine = (row for row in rows if row.language == language and row.member == 0)
    return amounts(mine, counted, lambda row: row.speaker)
