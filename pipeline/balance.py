"""The training manifest: what evens out classes of 1,271, 347 and 893 minutes.

Classes are counted in frames of the language after the silence view. Nothing here touches val or test.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import params
from pipeline.params import BalanceStrategy
from pipeline.silence import Flags
from pipeline.tables import Sequence as Row

Counts = Mapping[str, Flags]  # by recording: whether each row of the view counts as its language's, shape (rows,)


@dataclass(frozen=True)
class Ensemble:
    """Two networks in place of one.

    The first tells the parts of the large class and the super-class of all others apart, the second the classes inside
    the super-class.

    Attributes
    ----------
    large
        The over-represented class.
    parts
        Its sub-classes, as their speakers: each about as large as the super-class.
    others
        The classes of the super-class.
    """

    large: str
    parts: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> "Ensemble | None":
        """The division in manifests/summary.json; None where one network does."""
        tree = summary["ensemble"]
        return tree and cls(tree["large"], tuple(map(tuple, tree["parts"])), tuple(tree["others"]))


Method = Callable[[Sequence[Row], Counts, np.random.Generator], tuple[list[Row], Ensemble | None]]
METHODS: dict[BalanceStrategy, Method] = {
    "none": lambda rows, _counts, _rng: (list(rows), None),
    "class_weight": lambda rows, counts, _rng: (_weigh(rows, counts, [row.language for row in rows]), None),
    "undersample": lambda rows, counts, rng: (undersample(rows, counts, rng), None),
    "oversample": lambda rows, counts, rng: (oversample(rows, counts, rng), None),
    "ensemble": lambda rows, counts, _rng: ensemble(rows, counts),
}


def balance(
    strategy: BalanceStrategy, rows: Sequence[Row], counts: Counts, seed: int
) -> tuple[list[Row], Ensemble | None]:
    """Even out training sequences.

    Parameters
    ----------
    rows
        Every training sequence once.

    Returns
    -------
    The manifest, and the division of classes if the strategy is `ensemble`.

    Raises
    ------
    ArgumentError
        If there is no such strategy.
    """
    params.choose("balance strategy", strategy, METHODS)
    return METHODS[strategy](rows, counts, np.random.default_rng(seed))


def undersample(rows: Sequence[Row], counts: Counts, rng: np.random.Generator) -> list[Row]:
    """As many frames of every class as of the smallest, taken evenly from its speakers."""
    totals = class_totals(rows, counts)
    target = min(totals.values())
    kept: set[Row] = set()
    for language in totals:
        of_class = [row for row in rows if row.language == language]
        have = 0
        for row in _by_turns(of_class, counts, rng):
            more = frames(row, counts)
            if have and have + more / 2 > target and totals[language] > target:
                break
            kept.add(row)
            have += more
    return [row for row in rows if row in kept]


def oversample(rows: Sequence[Row], counts: Counts, rng: np.random.Generator) -> list[Row]:
    """As many frames of every class as of the largest: sequences are repeated, each time from another offset."""
    totals = class_totals(rows, counts)
    target = max(totals.values())
    repeats: list[Row] = []
    for language in totals:
        have = totals[language]
        for row in _repeats([row for row in rows if row.language == language], counts, rng):
            more = frames(row, counts)
            if have + more / 2 > target:
                break
            repeats.append(row)
            have += more
    return sorted([*rows, *repeats], key=lambda row: (row.sequence, row.repeat))


def ensemble(rows: Sequence[Row], counts: Counts) -> tuple[list[Row], Ensemble]:
    """Every sequence once for the first network, those of the super-class once more for the second.

    What is still uneven, inside the super-class above all, is weighed as `class_weight` does, a network at a time.
    """
    totals = class_totals(rows, counts)
    large = max(totals, key=lambda language: totals[language])
    rest = sum(totals.values()) - totals[large]
    division = Ensemble(
        large=large,
        parts=_parts([row for row in rows if row.language == large], counts, max(1, round(totals[large] / rest))),
        others=tuple(language for language in totals if language != large),
    )
    part_of = {speaker: f"{large} {number}" for number, part in enumerate(division.parts) for speaker in part}
    first = _weigh(rows, counts, [part_of[row.speaker] if row.language == large else "others" for row in rows])
    inside = [dataclasses.replace(row, member=1) for row in rows if row.language != large]
    return first + _weigh(inside, counts, [row.language for row in inside]), division


def class_totals(rows: Sequence[Row], counts: Counts) -> dict[str, int]:
    """Frames that count, by language, in the order of their names."""
    totals = dict.fromkeys(sorted({row.language for row in rows}), 0)
    for row in rows:
        totals[row.language] += frames(row, counts)
    return totals


def frames(row: Row, counts: Counts) -> int:
    """Frames of a sequence that count as its language's."""
    return int(np.count_nonzero(counts[row.recording][row.start : row.start + row.frames]))


def _by_turns(rows: Sequence[Row], counts: Counts, rng: np.random.Generator) -> Iterator[Row]:
    """Sequences in random order, the next always from the speaker with the fewest frames so far."""
    waiting: dict[str, list[Row]] = {}
    for number in rng.permutation(len(rows)):
        waiting.setdefault(rows[number].speaker, []).append(rows[number])
    given = dict.fromkeys(waiting, 0)
    while given:
        speaker = min(given, key=lambda name: given[name])
        row = waiting[speaker].pop()
        given[speaker] += max(frames(row, counts), 1)
        if not waiting[speaker]:
            del given[speaker]
        yield row


def _repeats(rows: Sequence[Row], counts: Counts, rng: np.random.Generator) -> Iterator[Row]:
    """Every sequence again and again, as long as before but from a random place of its recording."""
    repeat = 0
    while rows:
        repeat += 1
        for number in rng.permutation(len(rows)):
            row = rows[number]
            latest = len(counts[row.recording]) - row.frames
            yield dataclasses.replace(row, start=int(rng.integers(latest + 1)), repeat=repeat)


def _parts(rows: Sequence[Row], counts: Counts, number: int) -> tuple[tuple[str, ...], ...]:
    """Speakers in parts of nearly equal frames, longest first to the smallest part."""
    spoken: dict[str, int] = {}
    for row in rows:
        spoken[row.speaker] = spoken.get(row.speaker, 0) + frames(row, counts)
    parts: list[list[str]] = [[] for _ in range(min(number, len(spoken)))]
    sizes = [0] * len(parts)
    for speaker in sorted(spoken, key=lambda name: (-spoken[name], name)):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(speaker)
        sizes[smallest] += spoken[speaker]
    return tuple(tuple(sorted(part)) for part in parts)


def _weigh(rows: Sequence[Row], counts: Counts, names: Sequence[str]) -> list[Row]:
    """Weigh sequences n / (k * n_class), so that every class, by these names, weighs the same in all."""
    totals: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        totals[name] = totals.get(name, 0) + frames(row, counts)
    mean = sum(totals.values()) / len(totals)
    return [
        dataclasses.replace(row, weight=round(mean / max(totals[name], 1), 6))
        for row, name in zip(rows, names, strict=True)
    ]
