"""Frames that count as their language after the silence view: of a sequence, of a class, of a manifest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Flags
from pipeline.errors import CorpusError
from pipeline.rows import SequenceRow

MEASURES = ("before", "after", "weighted")  # balancing; the last is after it, times the weights
N_LARGEST = 5  # speakers of a language
Counted = Mapping[str, Flags]  # by recording: the rows of its view that count as its language, shape (rows,)
Key = TypeVar("Key", bound=Hashable)


def check(rows: Sequence[SequenceRow], counted: Counted, languages: Iterable[str], split: str) -> None:
    """Refuse the sequences of a split if no frame of a language counts.

    Raises
    ------
    CorpusError
        Naming the language and the split.

    Examples
    --------
    >>> check([SequenceRow("r/0", "r", "hindi", "bob", 0, 9)], {"r": np.zeros(9, bool)}, ["hindi"], "val")
    Traceback (most recent call last):
    pipeline.errors.CorpusError: no frame of 'hindi' in val is speech; lower silence.threshold or .min_speech
    """
    totals = class_totals(rows, counted)
    if missing := [language for language in languages if not totals.get(language)]:
        raise CorpusError(f"no frame of {missing[0]!r} in {split} is speech; lower silence.threshold or .min_speech")


def summary(
    rows: Sequence[SequenceRow], counted: Counted, languages: Iterable[str], frame_s: float
) -> dict[str, dict[str, float]]:
    """Return sequences, frames that count, their minutes and weighted frames, by language.

    This is a part of manifests/summary.json. For an ensemble, only the sequences of the first network are counted.

    Parameters
    ----------
    frame_s
        Seconds from one frame to the next.

    Examples
    --------
    >>> rows = [SequenceRow("r/0", "r", "hindi", "bob", 0, 9, weight=2.0)]
    >>> summary(rows, {"r": np.ones(9, bool)}, ["hindi"], frame_s=60)
    {'hindi': {'sequences': 1, 'frames': 9, 'weighed': 18, 'minutes': 9.0}}
    """
    first = [row for row in rows if row.member == 0]
    sequences = Counter(row.language for row in first)
    plain, weighted = (amounts(first, counted, lambda row: row.language, weighted=on) for on in (False, True))
    return {
        language: {
            "sequences": sequences[language],
            "frames": plain.get(language, 0),
            "weighed": round(weighted.get(language, 0)),
            "minutes": _minutes(plain.get(language, 0), frame_s),
        }
        for language in languages
    }


def before_and_after(
    before: Sequence[SequenceRow],
    after: Sequence[SequenceRow],
    counted: Counted,
    languages: Sequence[str],
    frame_s: float,
) -> dict[str, dict[str, Any]]:
    """Return minutes before balancing, after it, and weighted, by language, source and speaker.

    This is a part of manifests/summary.json. The share of a language is of all languages, that of a source or a speaker
    of its language. Speakers are the five with the largest shares before or weighted. For an ensemble, only the
    sequences of the first network are counted.

    Parameters
    ----------
    frame_s
        Seconds from one frame to the next.
    """

    def measured(name: Callable[[SequenceRow], str]) -> dict[str, dict[str, NDArray[np.float64]]]:
        found: dict[str, dict[str, NDArray[np.float64]]] = {language: {} for language in languages}
        for column, (rows, weighted) in enumerate([(before, False), (after, False), (after, True)]):
            for row in rows:
                if row.member == 0:
                    sums = found[row.language].setdefault(name(row), np.zeros(len(MEASURES)))
                    sums[column] += frames(row, counted) * (row.weight if weighted else 1)
        return found

    by_source, by_speaker = measured(lambda row: row.source), measured(lambda row: row.speaker)
    totals = {language: sum(some.values(), np.zeros(len(MEASURES))) for language, some in by_source.items()}
    everything = sum(totals.values(), np.zeros(len(MEASURES)))
    tree: dict[str, dict[str, Any]] = {}
    for language, total in totals.items():
        speakers = by_speaker[language]
        largest = sorted(speakers, key=lambda name: (-_shares(speakers[name], total)[[0, 2]].max(), name))[:N_LARGEST]
        tree[language] = {
            **_measures(total, everything, frame_s),
            "speakers": len(speakers),
            "sources": {name: _measures(some, total, frame_s) for name, some in sorted(by_source[language].items())},
            "largest_speakers": {name: _measures(speakers[name], total, frame_s) for name in largest},
        }
    return tree


def class_totals(rows: Sequence[SequenceRow], counted: Counted) -> dict[str, int]:
    """Return frames that count, by language, in the order of their names."""
    return dict(sorted(amounts(rows, counted, lambda row: row.language).items()))


def amounts(
    rows: Iterable[SequenceRow], counted: Counted, key: Callable[[SequenceRow], Key], *, weighted: bool = False
) -> dict[Key, Any]:
    """Return frames that count, or these times the weights, by any property of the rows.

    Examples
    --------
    >>> rows = [SequenceRow("a/0", "a", "hindi", "ann", 0, 3), SequenceRow("a/1", "a", "hindi", "ann", 3, 2)]
    >>> amounts(rows, {"a": np.array([True, True, False, True, True])}, lambda row: row.speaker)
    {'ann': 4}
    """
    found: dict[Key, Any] = defaultdict(int)
    for row in rows:
        found[key(row)] += frames(row, counted) * (row.weight if weighted else 1)
    return dict(found)


def frames(row: SequenceRow, counted: Counted) -> int:
    """Return the number of frames of a sequence that count as its language."""
    return int(np.count_nonzero(counted[row.recording][row.start : row.start + row.frames]))


def _measures(some: NDArray[np.float64], whole: NDArray[np.float64], frame_s: float) -> dict[str, dict[str, float]]:
    return {
        name: {"minutes": _minutes(float(amount), frame_s), "share": round(float(share), 4)}
        for name, amount, share in zip(MEASURES, some, _shares(some, whole), strict=True)
    }


def _shares(some: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(some / np.where(whole > 0, whole, 1))


def _minutes(n_frames: float, frame_s: float) -> float:
    return round(n_frames * frame_s / 60, 2)
