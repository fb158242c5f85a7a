"""The silence view: which frames of a recording the network sees, as which class, with which weight; its sequences.

Functions that take a strategy raise an ArgumentError, as `policy` does, if there is no such strategy.

frames   s s S S S S s s S S S s        S speech, s silent
none     E E E E E E E E E E E E        every frame is English
remove       E E E E     E E E          silent frames left out, speech joined
mask     . . E E E E . . E E E .        all frames seen, silent ones have weight 0
label    _ _ E E E E _ _ E E E _        silent frames are of the class `silence`
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Flags
from pipeline.params import SilenceStrategy
from pipeline.rows import SequenceRow, SplitRow

SILENCE = "silence"  # the extra class of `label`, after the languages


class Policy(NamedTuple):
    """How a silence strategy treats silent frames."""

    sentence: str  # for the report
    seen: bool = True  # they are rows of the view
    weight: float = 1  # of each in the loss and in the frame accuracy
    own_class: bool = False  # they are of the class `silence`, not of the language

    @property
    def weighted(self) -> bool:
        """True if silent frames have non-zero weight."""
        return self.seen and self.weight > 0


POLICIES: dict[SilenceStrategy, Policy] = {
    "none": Policy("the network sees every frame, and silent ones count as the language of their recording"),
    "remove": Policy("the network sees speech frames only, joined", seen=False),
    "mask": Policy("the network sees every frame, and silent ones weigh nothing", weight=0),
    "label": Policy("the network sees every frame, and silent ones are of a class of their own", own_class=True),
}


class View(NamedTuple):
    """Frames of one recording as the network sees them; each array has shape (rows,)."""

    rows: NDArray[np.int64]  # indices of the frames in the recording
    targets: NDArray[np.int64]  # class of each: the language's number, or the number of languages for `silence`
    weights: NDArray[np.float32]  # of each in the loss


def policy(strategy: SilenceStrategy) -> Policy:
    """Return how a strategy treats silent frames.

    Raises
    ------
    ArgumentError
        If there is no such strategy.
    """
    params.choose("silence strategy", strategy, POLICIES)
    return POLICIES[strategy]


def view(strategy: SilenceStrategy, speech: Flags, language: int, languages: int) -> View:
    """Return the view of a recording of one language.

    Parameters
    ----------
    speech
        True for frames of speech, shape (frames,).
    language, languages
        Number of its class, and of all languages.

    Examples
    --------
    >>> shown = view("label", np.array([False, True, True]), language=0, languages=2)
    >>> shown.rows.tolist(), shown.targets.tolist(), shown.weights.tolist()
    ([0, 1, 2], [2, 0, 0], [1.0, 1.0, 1.0])
    >>> view("remove", np.array([False, True, True]), language=0, languages=2).rows.tolist()
    [1, 2]
    """
    silent = policy(strategy)
    rows = np.arange(len(speech)) if silent.seen else np.flatnonzero(speech)
    spoken = speech[rows]
    targets = np.full(len(rows), language, np.int64)
    weights = np.where(spoken, np.float32(1), np.float32(silent.weight))
    if silent.own_class:
        targets[~spoken] = languages
    return View(rows, targets, weights)


def counted(strategy: SilenceStrategy, speech: Flags) -> Flags:
    """Flag the rows of the view that count as frames of the language, shape (rows of the view,).

    Parameters
    ----------
    speech
        True for frames of speech, shape (frames,).
    """
    shown = view(strategy, speech, 0, 1)
    return np.asarray((shown.targets == 0) & (shown.weights > 0))


def classes(strategy: SilenceStrategy, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their numbers.

    Examples
    --------
    >>> classes("label", ("english", "hindi"))
    ('english', 'hindi', 'silence')
    """
    return (*languages, SILENCE) if policy(strategy).own_class else languages


def cut(n_rows: int, length: int) -> list[tuple[int, int]]:
    """Cut a view into the fewest sequences of at most `length` rows, all of nearly the same length.

    Returns
    -------
    (start, frames) of each; together they hold every row once.

    Examples
    --------
    >>> cut(10, 4)
    [(0, 3), (3, 4), (7, 3)]
    >>> cut(0, 4)
    []
    """
    edges = np.linspace(0, n_rows, -(-n_rows // length) + 1).round().astype(int).tolist() if n_rows else []
    return [(start, stop - start) for start, stop in itertools.pairwise(edges)]


def sequence_rows(row: SplitRow, n_rows: int, length: int, view: SilenceStrategy, features: str) -> list[SequenceRow]:
    """Return the sequences of a recording, as rows of a manifest.

    Parameters
    ----------
    n_rows
        Number of rows of the recording's view.
    length
        Maximum rows per sequence.
    view, features
        Silence strategy of the view, and id of the feature store.
    """
    return [
        SequenceRow(
            f"{row.recording}/{number}", row.recording, row.language, row.speaker, start, frames,
            view=view, features=features, source=row.source,
        )
        for number, (start, frames) in enumerate(cut(n_rows, length))
    ]  # fmt: skip
