"""How soon the running decision of a stream is right, and how often it changes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Posteriors
from pipeline.streaming.decision import POSTERIOR_FLOOR

MARKS_S = (1, 3, 10, 30)  # of speech, after which the running decision is scored


class Stability:
    """The running decision of one recording, compared with its language, in pieces of any length.

    Parameters
    ----------
    language, n_languages
        Index of the language that is spoken, and the number of languages.
    frame_s
        Seconds from one frame to the next.

    Attributes
    ----------
    n_changes
        How often the leading language changed.
    stable_frame
        The frame from which the decision stays right to the end; None if it ends wrong or there is no speech.
    right_after
        By each of `MARKS_S` seconds of speech that the recording reaches: True if the decision is right then.

    Examples
    --------
    The leading language is wrong in the first frame and right from the second, as 0.4 · 0.9 > 0.6 · 0.1:

    >>> stability = Stability(language=0, n_languages=2, frame_s=1.0)
    >>> stability.accept(np.array([[0.4, 0.6], [0.9, 0.1], [0.6, 0.4]], np.float32), np.array([5, 6, 7]))
    >>> stability.n_changes, stability.stable_frame, stability.right_after
    (1, 6, {1: False, 3: True})
    """

    def __init__(self, language: int, n_languages: int, frame_s: float) -> None:
        self._language = language
        self._marks = {round(seconds / frame_s) - 1: seconds for seconds in MARKS_S}
        self._total = np.zeros((1, n_languages))
        self._frames = 0  # of speech
        self.n_changes = 0
        self.stable_frame: int | None = None
        self.right_after: dict[int, bool] = {}

    def accept(self, posteriors: Posteriors, numbers: NDArray[np.int64]) -> None:
        """Take the posteriors of more speech frames, shape (frames, classes), and their numbers in the recording."""
        if not len(numbers):
            return
        spoken = np.log(np.maximum(posteriors[:, : self._total.shape[1]], POSTERIOR_FLOOR, dtype=np.float64))
        totals = np.cumsum(np.concatenate([self._total, spoken]), axis=0)
        leads = totals.argmax(axis=1)[0 if self._frames else 1 :]
        self.n_changes += int(np.count_nonzero(np.diff(leads)))
        right = leads[-len(numbers) :] == self._language
        wrong = np.flatnonzero(~right)
        if len(wrong):
            self.stable_frame = int(numbers[wrong[-1] + 1]) if right[-1] else None
        elif self.stable_frame is None:
            self.stable_frame = int(numbers[0])
        for mark, seconds in self._marks.items():
            if self._frames <= mark < self._frames + len(right):
                self.right_after[seconds] = bool(right[mark - self._frames])
        self._total = totals[-1:]
        self._frames += len(numbers)


def summary(recordings: Sequence[Stability], frame_s: float) -> dict[str, object]:
    """Stability over all recordings, as in evaluation/metrics.json.

    `seconds_until_right` is the median over the recordings that end right, s of audio; `changes_of_mind` is the mean
    number of changes; `accuracy_after` is, by seconds of speech, the accuracy over the recordings with at least that
    much speech, and their number.
    """
    stable_s = [found.stable_frame * frame_s for found in recordings if found.stable_frame is not None]
    after = {}
    for seconds in MARKS_S:
        right = [found.right_after[seconds] for found in recordings if seconds in found.right_after]
        after[f"{seconds} s"] = {"accuracy": float(np.mean(right)) if right else None, "recordings": len(right)}
    return {
        "seconds_until_right": float(np.median(stable_s)) if stable_s else None,
        "changes_of_mind": float(np.mean([found.n_changes for found in recordings])),
        "accuracy_after": after,
    }
