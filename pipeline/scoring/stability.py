"""How soon the running decision of a stream is right, and how often it changes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Posteriors
from pipeline.streaming.decision import Rule

MARKS_S = (1, 3, 10, 30)  # of speech, after which the running decision is scored
SEQUENCE_S = 3  # of speech: sequences that are scored one by one


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
        The frame from which the decision stays right; None if it ends wrong or there is no speech.
    after
        By each of `MARKS_S` seconds of speech that the recording reaches: the posteriors then, shape (languages,).
    sequences_right, sequences
        Sequences of `SEQUENCE_S` seconds of speech that are recognised by themselves, and all; the last may be shorter.

    Examples
    --------
    The leading language is wrong in the first frame and right from the second, as 0.4 · 0.9 > 0.6 · 0.1:

    >>> stability = Stability(language=0, n_languages=2, frame_s=1.0, rule=Rule())
    >>> stability.accept(np.array([[0.4, 0.6], [0.9, 0.1], [0.6, 0.4]], np.float32), np.array([5, 6, 7]))
    >>> stability.n_changes, stability.stable_frame, stability.after[1].round(2).tolist(), stability.sequences_right
    (1, 6, [0.4, 0.6], 1)
    """

    def __init__(self, language: int, n_languages: int, frame_s: float, rule: Rule) -> None:
        self._language, self._rule = language, rule
        self._marks = {round(seconds / frame_s) - 1: seconds for seconds in MARKS_S}
        self._sequence_frames = round(SEQUENCE_S / frame_s)
        self._total = np.zeros((1, n_languages))
        self._sequence_totals = np.zeros((0, n_languages))
        self._frames = 0  # of speech
        self.n_changes = 0
        self.stable_frame: int | None = None
        self.after: dict[int, NDArray[np.float64]] = {}

    def accept(self, posteriors: Posteriors, numbers: NDArray[np.int64]) -> None:
        """Take the posteriors of more speech frames, shape (frames, classes), and their numbers in the recording."""
        if not len(numbers):
            return
        spoken = self._rule.evidence(posteriors[:, : self._total.shape[1]])
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
            if self._frames <= mark < self._frames + len(numbers):
                self.after[seconds] = self._rule.answer(totals[mark - self._frames + 1] / (mark + 1))
        self._total_sequences(spoken)
        self._total = totals[-1:]
        self._frames += len(numbers)

    def _total_sequences(self, spoken: NDArray[np.float64]) -> None:
        of = (self._frames + np.arange(len(spoken))) // self._sequence_frames
        longer = np.zeros((of[-1] + 1, spoken.shape[1]))
        longer[: len(self._sequence_totals)] = self._sequence_totals
        np.add.at(longer, of, spoken)
        self._sequence_totals = longer

    @property
    def sequences(self) -> int:
        return len(self._sequence_totals)

    @property
    def sequences_right(self) -> int:
        return int(np.count_nonzero(self._sequence_totals.argmax(axis=1) == self._language))


def summary(recordings: Sequence[Stability], frame_s: float) -> dict[str, object]:
    """Stability over all recordings, as in evaluation/metrics.json.

    `seconds_until_right` is the median over the recordings that end right, s of audio; `decision_changes` is the mean
    number of changes.
    """
    stable_s = [found.stable_frame * frame_s for found in recordings if found.stable_frame is not None]
    return {
        "seconds_until_right": float(np.median(stable_s)) if stable_s else None,
        "decision_changes": float(np.mean([found.n_changes for found in recordings])),
    }
