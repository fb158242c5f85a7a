"""Frames that count as their language after the silence view: of a sequence, of a class, of a manifest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Flags
from pipeline.errors import CorpusError
from pipeline.rows import SequenceRow

MEASURES = ("before", "after", "weighted")  # balancing; the last is after it, times the weights
N_LARGEST = 5  # speakers of a language
Amounts = dict[str, NDArray[np.float64]]  # frames by name, shape (3,): one per measure
Counted = Mapping[str, Flags]  # by recording: the rows of its view that count as its language, shape (rows,)


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
    """Sequences, frames that count, their minutes and weighted frames, by language, as in manifests/summary.json.

    For an ensemble, only the sequences of the first network are counted.

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
    tree: dict[str, dict[str, float]] = {}
    for language in languages:
        chosen = [row for row in rows if row.language == language and row.member == 0]
        n_frames = sum(frames(row, counted) for row in chosen)
        tree[language] = {
            "sequences": len(chosen),
            "frames": n_frames,
            "weighed": round(sum(frames(row, counted) * row.weight for row in chosen)),
            "minutes": _minutes(n_frames, frame_s),
        }
    return tree


def before_and_after(
    before: Sequence[SequenceRow],
    after: Sequence[SequenceRow],
    counted: Counted,
    languages: Sequence[str],
    frame_s: float,
) -> dict[str, dict[str, Any]]:
    """Minutes before balancing, after it, and weighted, by language, source and speaker, as in manifests/summary.json.

    The share of a language is of all languages, that of a source or a speaker of its language. Speakers are the five
    with the largest shares before or weighted. For an ensemble, only the sequences of the first network are counted.

    Parameters
    ----------
    frame_s
        Seconds from one frame to the next.

    Examples
    --------
    >>> rows = [SequenceRow("r/0", "r", "hindi", "bob", 0, 9), SequenceRow("q/0", "q", "english", "ann", 0, 3)]
    >>> counted = {"r": np.ones(9, bool), "q": np.ones(3, bool)}
    >>> tree = before_and_after(rows, rows, counted, ["english", "hindi"], frame_s=60)
    >>> tree["hindi"]["before"], tree["hindi"]["speakers"], list(tree["hindi"]["largest_speakers"])
    ({'minutes': 9.0, 'share': 0.75}, 1, ['bob'])
    """
    by_source, by_speaker = ({language: Amounts() for language in languages} for _ in range(2))
    changes = [*((row, (1.0, 0.0, 0.0)) for row in before), *((row, (0.0, 1.0, row.weight)) for row in after)]
    for row, factors in changes:
        if row.member == 0:
            amount = frames(row, counted) * np.array(factors)
            for amounts, name in ((by_source, row.source), (by_speaker, row.speaker)):
                amounts[row.language][name] = amounts[row.language].get(name, 0) + amount
    totals = {language: sum(amounts.values(), np.zeros(3)) for language, amounts in by_source.items()}
    everything = sum(totals.values(), np.zeros(3))
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
    """Frames that count, by language, in the order of their names.

    Examples
    --------
    >>> rows = [SequenceRow("a/0", "a", "hindi", "ann", 0, 3), SequenceRow("b/0", "b", "english", "bob", 0, 3)]
    >>> class_totals(rows, {"a": np.array([True, True, True]), "b": np.array([False, True, False])})
    {'english': 1, 'hindi': 3}
    """
    totals = dict.fromkeys(sorted({row.language for row in rows}), 0)
    for row in rows:
        totals[row.language] += frames(row, counted)
    return totals


def frames(row: SequenceRow, counted: Counted) -> int:
    """Frames of a sequence that count as its language.

    Examples
    --------
    >>> frames(SequenceRow("r/0", "r", "hindi", "bob", 1, 2), {"r": np.array([True, True, False, True])})
    1
    """
    return int(np.count_nonzero(counted[row.recording][row.start : row.start + row.frames]))


def _measures(amounts: NDArray[np.float64], whole: NDArray[np.float64], frame_s: float) -> dict[str, dict[str, float]]:
    shares = _shares(amounts, whole)
    return {
        name: {"minutes": _minutes(float(amount), frame_s), "share": round(float(share), 4)}
        for name, amount, share in zip(MEASURES, amounts, shares, strict=True)
    }


def _shares(amounts: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(amounts / np.where(whole > 0, whole, 1))


def _minutes(n_frames: float, frame_s: float) -> float:
    return round(n_frames * frame_s / 60, 2)
