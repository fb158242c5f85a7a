"""The balance strategies: each makes the training manifest from all sequences of uneven classes.

Classes are counted in frames of the language after the silence view. Validation and test manifests are never balanced.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.dataset.counts import Counted, class_totals, frames
from pipeline.network.ensemble import Division
from pipeline.params import BalanceStrategy
from pipeline.tables import SequenceRow


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
        "fewer sequences of the larger classes, taken evenly from their speakers",
        lambda rows, counted, rng: (undersample(rows, counted, rng), None),
        resamples=True,
    ),
    "oversample": Method(
        "sequences of the smaller classes repeated, each time cut at another offset",
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
    The manifest, and the division of the classes if the strategy is `ensemble`.

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
    return METHODS[strategy].apply(rows, counted, np.random.default_rng(seed))


def class_weight(rows: Sequence[SequenceRow], counted: Counted) -> list[SequenceRow]:
    """Every sequence, weighted n / (k · n_class): all k classes have the same total weight.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> [round(row.weight, 3) for row in class_weight(rows, counted)]
    [0.667, 0.667, 0.667, 2.0]
    """
    return _weighted(rows, counted, [row.language for row in rows])


def undersample(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> list[SequenceRow]:
    """Reduce every class to the frames of the smallest, taken evenly from its speakers.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> class_totals(undersample(rows, counted, np.random.default_rng(0)), counted)
    {'a': 9, 'b': 9}
    """
    totals = class_totals(rows, counted)
    target = min(totals.values())
    chosen: set[SequenceRow] = set()
    for language in totals:
        total = 0
        for row in _by_turns([row for row in rows if row.language == language], counted, rng):
            more = frames(row, counted)
            if total and total + more / 2 > target and totals[language] > target:
                break
            chosen.add(row)
            total += more
    return [row for row in rows if row in chosen]


def oversample(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> list[SequenceRow]:
    """Extend every class to the frames of the largest: sequences are repeated, each time cut at a different offset.

    Examples
    --------
    >>> rows = [SequenceRow(f"{name}/0", name, name[0], "ann", 0, 9) for name in ("a0", "a1", "a2", "b0")]
    >>> counted = {row.recording: np.ones(9, bool) for row in rows}
    >>> [(row.sequence, row.repeat) for row in oversample(rows, counted, np.random.default_rng(0))]
    [('a0/0', 0), ('a1/0', 0), ('a2/0', 0), ('b0/0', 0), ('b0/0', 1), ('b0/0', 2)]
    """
    totals = class_totals(rows, counted)
    target = max(totals.values())
    repeats: list[SequenceRow] = []
    for language in totals:
        total = totals[language]
        for row in _repeats([row for row in rows if row.language == language], counted, rng):
            more = frames(row, counted)
            if total + more / 2 > target:
                break
            repeats.append(row)
            total += more
    return sorted([*rows, *repeats], key=lambda row: (row.sequence, row.repeat))


def ensemble(rows: Sequence[SequenceRow], counted: Counted) -> tuple[list[SequenceRow], Division]:
    """Every sequence once for the first network, those of the super-class once more for the second.

    The parts of the largest class are only roughly equal, and the classes of the super-class are uneven. Weights
    balance them as in `class_weight`, for each network separately.

    Examples
    --------
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
    rest = sum(totals.values()) - totals[large]
    division = Division(
        large=large,
        parts=_parts([row for row in rows if row.language == large], counted, max(1, round(totals[large] / rest))),
        others=tuple(language for language in totals if language != large),
    )
    part_of = {speaker: f"{large} {number}" for number, part in enumerate(division.parts) for speaker in part}
    first = _weighted(rows, counted, [part_of[row.speaker] if row.language == large else "others" for row in rows])
    others = [dataclasses.replace(row, member=1) for row in rows if row.language != large]
    return first + class_weight(others, counted), division


def _by_turns(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Sequences in random order, the next always from the speaker with the fewest frames so far."""
    waiting: dict[str, list[SequenceRow]] = {}
    for number in rng.permutation(len(rows)):
        waiting.setdefault(rows[number].speaker, []).append(rows[number])
    totals = dict.fromkeys(waiting, 0)
    while totals:
        speaker = min(totals, key=lambda name: totals[name])
        row = waiting[speaker].pop()
        totals[speaker] += max(frames(row, counted), 1)
        if not waiting[speaker]:
            del totals[speaker]
        yield row


def _repeats(rows: Sequence[SequenceRow], counted: Counted, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Repeat every sequence endlessly, with the same length but from a random position in its recording."""
    repeat = 0
    while rows:
        repeat += 1
        for number in rng.permutation(len(rows)):
            row = rows[number]
            latest = len(counted[row.recording]) - row.frames
            yield dataclasses.replace(row, start=int(rng.integers(latest + 1)), repeat=repeat)


def _parts(rows: Sequence[SequenceRow], counted: Counted, n_parts: int) -> tuple[tuple[str, ...], ...]:
    """Divide speakers into parts with nearly equal frames: longest first, each to the smallest part."""
    spoken: dict[str, int] = {}
    for row in rows:
        spoken[row.speaker] = spoken.get(row.speaker, 0) + frames(row, counted)
    parts: list[list[str]] = [[] for _ in range(min(n_parts, len(spoken)))]
    sizes = [0] * len(parts)
    for speaker in sorted(spoken, key=lambda name: (-spoken[name], name)):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(speaker)
        sizes[smallest] += spoken[speaker]
    return tuple(tuple(sorted(part)) for part in parts)


def _weighted(rows: Sequence[SequenceRow], counted: Counted, names: Sequence[str]) -> list[SequenceRow]:
    """Sequences weighted n / (k · n_class), with the class of each by these names."""
    totals: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        totals[name] = totals.get(name, 0) + frames(row, counted)
    mean = sum(totals.values()) / len(totals)
    return [
        dataclasses.replace(row, weight=round(mean / max(totals[name], 1), 6))
        for row, name in zip(rows, names, strict=True)
    ]
