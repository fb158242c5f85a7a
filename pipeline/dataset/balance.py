"""The training manifest: what evens out classes of 1,271, 347 and 893 minutes.

Classes are counted in frames of the language after the silence view. Nothing here touches val or test.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from pipeline import params
from pipeline.network.ensemble import Ensemble
from pipeline.params import BalanceStrategy
from pipeline.silence.spans import Flags
from pipeline.tables import SequenceRow

Counts = Mapping[str, Flags]  # by recording: whether each row of the view counts as its language's, shape (rows,)
Method = Callable[[Sequence[SequenceRow], Counts, np.random.Generator], tuple[list[SequenceRow], Ensemble | None]]
METHODS: dict[BalanceStrategy, Method] = {
    "none": lambda rows, _counts, _rng: (list(rows), None),
    "class_weight": lambda rows, counts, _rng: (_weigh(rows, counts, [row.language for row in rows]), None),
    "undersample": lambda rows, counts, rng: (undersample(rows, counts, rng), None),
    "oversample": lambda rows, counts, rng: (oversample(rows, counts, rng), None),
    "ensemble": lambda rows, counts, _rng: ensemble(rows, counts),
}


def balance(
    strategy: BalanceStrategy, rows: Sequence[SequenceRow], counts: Counts, seed: int
) -> tuple[list[SequenceRow], Ensemble | None]:
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


def undersample(rows: Sequence[SequenceRow], counts: Counts, rng: np.random.Generator) -> list[SequenceRow]:
    """As many frames of every class as of the smallest, taken evenly from its speakers."""
    totals = class_totals(rows, counts)
    target = min(totals.values())
    kept: set[SequenceRow] = set()
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


def oversample(rows: Sequence[SequenceRow], counts: Counts, rng: np.random.Generator) -> list[SequenceRow]:
    """As many frames of every class as of the largest: sequences are repeated, each time from another offset."""
    totals = class_totals(rows, counts)
    target = max(totals.values())
    repeats: list[SequenceRow] = []
    for language in totals:
        have = totals[language]
        for row in _repeats([row for row in rows if row.language == language], counts, rng):
            more = frames(row, counts)
            if have + more / 2 > target:
                break
            repeats.append(row)
            have += more
    return sorted([*rows, *repeats], key=lambda row: (row.sequence, row.repeat))


def ensemble(rows: Sequence[SequenceRow], counts: Counts) -> tuple[list[SequenceRow], Ensemble]:
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


def class_totals(rows: Sequence[SequenceRow], counts: Counts) -> dict[str, int]:
    """Frames that count, by language, in the order of their names."""
    totals = dict.fromkeys(sorted({row.language for row in rows}), 0)
    for row in rows:
        totals[row.language] += frames(row, counts)
    return totals


def frames(row: SequenceRow, counts: Counts) -> int:
    """Frames of a sequence that count as its language's."""
    return int(np.count_nonzero(counts[row.recording][row.start : row.start + row.frames]))


def _by_turns(rows: Sequence[SequenceRow], counts: Counts, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Sequences in random order, the next always from the speaker with the fewest frames so far."""
    waiting: dict[str, list[SequenceRow]] = {}
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


def _repeats(rows: Sequence[SequenceRow], counts: Counts, rng: np.random.Generator) -> Iterator[SequenceRow]:
    """Every sequence again and again, as long as before but from a random place of its recording."""
    repeat = 0
    while rows:
        repeat += 1
        for number in rng.permutation(len(rows)):
            row = rows[number]
            latest = len(counts[row.recording]) - row.frames
            yield dataclasses.replace(row, start=int(rng.integers(latest + 1)), repeat=repeat)


def _parts(rows: Sequence[SequenceRow], counts: Counts, number: int) -> tuple[tuple[str, ...], ...]:
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


def _weigh(rows: Sequence[SequenceRow], counts: Counts, names: Sequence[str]) -> list[SequenceRow]:
    """Weigh sequences n / (k * n_class), so that every class, by these names, weighs the same in all."""
    totals: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        totals[name] = totals.get(name, 0) + frames(row, counts)
    mean = sum(totals.values()) / len(totals)
    return [
        dataclasses.replace(row, weight=round(mean / max(totals[name], 1), 6))
        for row, name in zip(rows, names, strict=True)
    ]
