"""The language of a stream so far, from the posteriors of its speech frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline import params
from pipeline.arrays import Posteriors
from pipeline.console.text import brief
from pipeline.errors import ArgumentError

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
    prior
        Probability of each language before any sound; None: all the same. It belongs to a stream, not to an export.
    """

    mean: params.Mean = "log"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    unknown_below: Annotated[float, Field(ge=0, le=1)] = 0.0
    prior: Annotated[tuple[float, ...] | None, Field(exclude=True)] = None

    def evidence(self, posteriors: Posteriors) -> NDArray[np.float64]:
        """Return the values to average over the speech frames, shape (frames, classes)."""
        likely = np.maximum(posteriors.astype(np.float64), POSTERIOR_FLOOR)
        return np.log(likely) if self.mean == "log" else likely

    def scores(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of odds for each language, shape (..., languages), given the mean of its evidence."""
        logs = (mean if self.mean == "log" else np.log(mean)) / self.temperature
        if self.prior is not None:
            with np.errstate(divide="ignore"):  # a language with a prior of 0 is impossible
                logs = logs + np.log(self.prior)
        return logs

    def answer(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the posteriors of a stream, shape (..., languages), given the mean of its evidence.

        >>> Rule(mean="log", temperature=0.5).answer(np.log([0.6, 0.4])).round(2)
        array([0.69, 0.31])
        >>> Rule(prior=(0.2, 0.8)).answer(np.log([0.6, 0.4])).round(3)  # Bayes: 0.12 to 0.32
        array([0.273, 0.727])
        """
        scores = self.scores(mean)
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def prior_of(given: Iterable[str] | Mapping[str, float], languages: Sequence[str]) -> tuple[float, ...]:
    """Return the prior of each language of a model.

    Parameters
    ----------
    given
        The only possible languages, all with the same prior; or the prior of each, others having none.

    Raises
    ------
    ArgumentError
        If one is unknown, or the priors are not probabilities that sum to 1.

    Examples
    --------
    >>> prior_of(["hindi"], ["english", "hindi"]), prior_of({"english": 0.7, "hindi": 0.3}, ["english", "hindi"])
    ((0.0, 1.0), (0.7, 0.3))
    """
    names = list(given)
    prior = given if isinstance(given, Mapping) else dict.fromkeys(names, 1 / max(len(set(names)), 1))
    for name in names:
        if name not in languages:
            raise ArgumentError(f"the model does not know {brief(name)}; it knows {', '.join(languages)}")
    if not all(value >= 0 for value in prior.values()) or not math.isclose(sum(prior.values()), 1, abs_tol=1e-6):
        shares = ", ".join(f"{name}={value:g}" for name, value in prior.items()) or "nothing"
        raise ArgumentError(f"the prior is {shares}; give probabilities that sum to 1")
    return tuple(float(prior.get(name, 0.0)) for name in languages)


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
        ranked = totals[:, : len(self._languages)]
        if self._rule.prior is not None:  # it weighs more, the less speech there is
            ranked = self._rule.scores(ranked / np.arange(self.frames + 1, self.frames + len(totals) + 1)[:, None])
        for number, best in zip(numbers, ranked.argmax(axis=1).tolist(), strict=True):
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
        """Posteriors of the whole stream, shape (classes,), those of the languages their prior before any speech.

        That of a class `silence` is 0: only speech frames count.
        """
        found, n_languages = np.zeros(len(self._classes)), len(self._languages)
        before = 1 / n_languages if self._rule.prior is None else self._rule.prior
        found[:n_languages] = self._rule.answer(self.mean[:n_languages]) if self.frames else before
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
