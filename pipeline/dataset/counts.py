"""Frames that count as their language after the silence view: of a sequence, of a class, of a manifest."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.arrays import Flags
from pipeline.errors import CorpusError
from pipeline.tables import SequenceRow

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


def summary(rows: Sequence[SequenceRow], counted: Counted, languages: Iterable[str]) -> dict[str, dict[str, int]]:
    """Sequences, frames that count and weighted frames, by language, as in manifests/summary.json.

    For an ensemble, only the sequences of the first network are counted.

    Examples
    --------
    >>> rows = [SequenceRow("r/0", "r", "hindi", "bob", 0, 9, weight=2.0)]
    >>> summary(rows, {"r": np.ones(9, bool)}, ["hindi"])
    {'hindi': {'sequences': 1, 'frames': 9, 'weighed': 18}}
    """
    tree: dict[str, dict[str, int]] = {}
    for language in languages:
        chosen = [row for row in rows if row.language == language and row.member == 0]
        tree[language] = {
            "sequences": len(chosen),
            "frames": sum(frames(row, counted) for row in chosen),
            "weighed": round(sum(frames(row, counted) * row.weight for row in chosen)),
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
