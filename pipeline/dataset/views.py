"""What the network sees of a recording: the silence view of its frames, and the sequences cut from that.

frames   s s S S S S s s S S S s        S speech, s silent
none     E E E E E E E E E E E E        every frame is English
remove       E E E E     E E E          silent frames left out, speech joined
mask     . . E E E E . . E E E .        all frames seen, silent ones weigh nothing
label    _ _ E E E E _ _ E E E _        silent frames are of the class `silence`
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.params import Strategy
from pipeline.silence.spans import Flags

SILENCE = "silence"  # the extra class of `label`, after the languages


class Silent(NamedTuple):
    """How a strategy treats silent frames."""

    seen: bool = True  # they are rows of the view
    weight: float = 1  # of each in the loss
    named: bool = False  # they are of the class `silence`, not of the language

    @property
    def as_speech(self) -> bool:
        """True if they are treated as speech."""
        return self == Silent()


SILENT: dict[Strategy, Silent] = {
    "none": Silent(),
    "remove": Silent(seen=False),
    "mask": Silent(weight=0),
    "label": Silent(named=True),
}


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


def silent(strategy: Strategy) -> Silent:
    """How a strategy treats silent frames; ArgumentError if there is no such strategy."""
    params.choose("silence strategy", strategy, SILENT)
    return SILENT[strategy]


def view(strategy: Strategy, speech: Flags, language: int, languages: int) -> View:
    """The view of a recording of one language.

    Parameters
    ----------
    speech
        Whether each frame is speech, shape (frames,).
    language, languages
        Its class, of how many.

    Raises
    ------
    ArgumentError
        If there is no such strategy.
    """
    treatment = silent(strategy)
    rows = np.arange(len(speech)) if treatment.seen else np.flatnonzero(speech)
    spoken = speech[rows]
    targets = np.full(len(rows), language, np.int64)
    weights = np.where(spoken, np.float32(1), np.float32(treatment.weight))
    if treatment.named:
        targets[~spoken] = languages
    return View(rows, targets, weights)


def counted(strategy: Strategy, speech: Flags) -> Flags:
    """Flag the rows of the view that count as frames of the language, shape (rows of the view,)."""
    treatment = silent(strategy)
    return (speech if treatment.seen else speech[speech]) | treatment.as_speech


def classes(strategy: Strategy, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the classes, in the order of their numbers."""
    return (*languages, SILENCE) if silent(strategy).named else languages
