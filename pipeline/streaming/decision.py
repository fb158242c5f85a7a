"""The language of a stream so far, from the posteriors of its speech frames."""

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Posteriors

POSTERIOR_FLOOR = 1e-10  # lower posteriors count as this, so that no single frame rules a language out


class Decision:
    """The language of a stream so far: the mean log posterior over its speech frames decides.

    Attributes
    ----------
    frames
        Speech frames so far.
    since
        Number of the frame since which the language has been the same.

    Examples
    --------
    Frame 8 favours Hindi with 0.6 to 0.4; frame 9 turns the decision with 0.9 to 0.1, as √(0.4 · 0.9) > √(0.6 · 0.1):

    >>> decision = Decision(classes=("english", "hindi"), languages=("english", "hindi"))
    >>> decision.accept(np.array([[0.4, 0.6], [0.9, 0.1]], np.float32), np.array([8, 9]))
    >>> decision.language, decision.since, decision.frames
    ('english', 9, 2)
    >>> decision.posteriors.round(2)
    array([0.71, 0.29])
    """

    def __init__(self, classes: tuple[str, ...], languages: tuple[str, ...]) -> None:
        self._classes, self._languages = classes, languages
        self._total = np.zeros(len(classes))
        self.frames = self.since = 0

    def accept(self, posteriors: Posteriors, numbers: NDArray[np.int64]) -> None:
        """Take the posteriors of more speech frames, shape (frames, classes), and their numbers in the stream."""
        if not len(posteriors):
            return
        totals = self._total + np.cumsum(np.log(np.maximum(posteriors, POSTERIOR_FLOOR, dtype=np.float64)), axis=0)
        best = totals[:, : len(self._languages)].argmax(axis=1)
        others = np.flatnonzero(best != best[-1])
        if len(others):
            self.since = int(numbers[others[-1] + 1])
        elif not self.frames or self._total[: len(self._languages)].argmax() != best[-1]:
            self.since = int(numbers[0])
        self._total = totals[-1]
        self.frames += len(posteriors)

    @property
    def posteriors(self) -> NDArray[np.float64]:
        """Posteriors of the whole stream, shape (classes,); uniform before any speech."""
        mean = self._total / max(self.frames, 1)
        odds = np.exp(mean - mean.max())
        return np.asarray(odds / odds.sum())

    @property
    def language(self) -> str | None:
        """The most likely language; None before any speech."""
        return self._languages[int(np.argmax(self.posteriors[: len(self._languages)]))] if self.frames else None

    @property
    def confidence(self) -> float:
        """Posterior of that language; 0 before any speech."""
        return float(self.posteriors[: len(self._languages)].max()) if self.frames else 0.0
