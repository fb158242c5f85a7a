"""What the network sees of a recording: the silence view of its frames, and the sequences cut from that.

frames   s s S S S S s s S S S s        S speech, s silent
none     E E E E E E E E E E E E        every frame is English
remove       E E E E     E E E          silent frames left out, speech joined
mask     . . E E E E . . E E E .        all frames seen, silent ones weigh nothing
label    _ _ E E E E _ _ E E E _        silent frames are of the class `silence`
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.params import Strategy
from pipeline.silence import Flags

SILENCE = "silence"  # the extra class of `label`, after the languages


@dataclass(frozen=True)
class View:
    """Frames of one recording as the network sees them.

    Attributes
    ----------
    rows
        Which frames of the recording, shape (frames,).
    targets
        Class of each, shape (frames,): the language's number, or the number of languages for `silence`.
    weights
        Weight of each in the loss, shape (frames,).
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]


def view(strategy: Strategy, speech: Flags, language: int, languages: int) -> View:
    """The view of a recording of one language.

    Parameters
    ----------
    speech
        Whether each frame is speech, shape (frames,).
    language, languages
        Its class, of how many.
    """
    rows = np.flatnonzero(speech) if strategy == "remove" else np.arange(len(speech))
    targets = np.full(len(rows), language, np.int64)
    weights = np.ones(len(rows), np.float32)
    if strategy == "mask":
        weights[~speech] = 0
    if strategy == "label":
        targets[~speech] = languages
    return View(rows, targets, weights)


def counted(strategy: Strategy, speech: Flags) -> Flags:
    """Which rows of the view count as frames of the language, shape (rows of the view,)."""
    if strategy == "remove":
        return np.ones(int(speech.sum()), np.bool_)
    return np.ones_like(speech) if strategy == "none" else speech


def classes(strategy: Strategy, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the classes, in the order of their numbers."""
    return (*languages, SILENCE) if strategy == "label" else languages


def cut(rows: int, length: int) -> list[tuple[int, int]]:
    """Cut a view into the fewest sequences of at most `length` rows, all nearly equally long.

    Returns
    -------
    (start, frames) of each; together they hold every row once.
    """
    edges = np.linspace(0, rows, -(-rows // length) + 1).round().astype(int).tolist() if rows else []
    return [(start, stop - start) for start, stop in itertools.pairwise(edges)]
