"""The language of a stream so far, from the posteriors of its speech frames."""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline import params
from pipeline.arrays import Posteriors

POSTERIOR_FLOOR = 1e-10  # lower posteriors are raised to this, so that no single frame rules a language out
UNKNOWN = "unknown"  # the answer below the confidence of `Rule.unknown_below`


class Rule(params.Section):
    """How the posteriors of frames become the answer of a stream.

    Attributes
    ----------
    mean
        Average of log posteriors, or of the posteriors themselves.
    temperature
        Divisor of the answer's log posteriors that calibrates its confidence.
    unknown_below
        Less confident answers are `unknown`.
    """

    mean: params.Mean = "log"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    unknown_below: Annotated[float, Field(ge=0, le=1)] = 0.0

    def evidence(self, posteriors: Posteriors) -> NDArray[np.float64]:
        """Return the values to average over the speech frames, shape (frames, classes)."""
        likely = np.maximum(posteriors.astype(np.float64), POSTERIOR_FLOOR)
        return np.log(likely) if self.mean == "log" else likely

    def answer(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the posteriors of a stream, shape (..., classes), given the mean of its evidence.

        >>> Rule(mean="log", temperature=0.5).answer(np.log([0.6, 0.4])).round(2)
        array([0.69, 0.31])
        """
        logs = (mean if self.mean == "log" else np.log(mean)) / self.temperature
        odds = np.exp(logs - logs.max(axis=-1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


class RunningDecision:
    """The language of a stream so far: the highest mean over its speech frames decides.

    Attributes
    ----------
    frames
        Speech frames so far.
    since
        Number of the frame since which the same language has led.
    changes
        How often the leading language has changed.

    Examples
    --------
    Frame 8 favours Hindi with 0.6 to 0.4; frame 9 turns the decision with 0.9 to 0.1, as √(0.4 · 0.9) > √(0.6 · 0.1):

    >>> decision = RunningDecision(("english", "hindi"), ("english", "hindi"), Rule())
    >>> decision.accept(np.array([[0.4, 0.6], [0.9, 0.1]], np.float32), np.array([8, 9]))
    >>> decision.language, decision.since, decision.frames
    ('english', 9, 2)
    >>> decision.posteriors.round(2)
    array([0.71, 0.29])
    """

    def __init__(self, classes: tuple[str, ...], languages: tuple[str, ...], rule: Rule) -> None:
        self._classes, self._languages, self._rule = classes, languages, rule
        self._total = np.zeros(len(classes))
        self._best = -1  # number of the leading language
        self.frames = self.since = self.changes = 0

    def accept(self, posteriors: Posteriors, numbers: Iterable[int]) -> None:
        """Take the posteriors of more speech frames, shape (frames, classes), and their numbers in the stream."""
        if not len(posteriors):
            return
        totals = self._rule.evidence(posteriors)
        totals[0] += self._total
        np.add.accumulate(totals, out=totals)
        for number, best in zip(numbers, totals[:, : len(self._languages)].argmax(axis=1).tolist(), strict=True):
            if best != self._best:
                self.changes += self._best >= 0
                self._best, self.since = best, int(number)
        self._total = totals[-1]
        self.frames += len(posteriors)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean evidence of the speech frames, shape (classes,)."""
        return self._total / self.frames

    @property
    def posteriors(self) -> NDArray[np.float64]:
        """Posteriors of the whole stream, shape (classes,), those of the languages uniform before any speech.

        That of a class `silence` is 0: only speech frames count.
        """
        found, n_languages = np.zeros(len(self._classes)), len(self._languages)
        found[:n_languages] = self._rule.answer(self.mean[:n_languages]) if self.frames else 1 / n_languages
        return found

    @property
    def language(self) -> str | None:
        """The leading language, or `unknown` if its confidence is too low; None before any speech."""
        return UNKNOWN if self.frames and self.confidence < self._rule.unknown_below else self.leading

    @property
    def leading(self) -> str | None:
        """The most likely language; None before any speech."""
        return self._languages[self._best] if self.frames else None

    @property
    def confidence(self) -> float:
        """Posterior of the most likely language; 0 before any speech."""
        return float(self.posteriors.max()) if self.frames else 0.0
