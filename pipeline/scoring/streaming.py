"""What only a stream shows: how soon it is right, how often it changes its mind, and whether it wears out."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.mfcc import Features
from pipeline.streaming.decision import FLOOR
from pipeline.streaming.runtimes import Stream

AFTER = (1, 3, 10, 30)  # s of speech after which the running decision is scored
DRIFT_MINUTES = 10
MINUTE = 60  # s


class Course:
    """The running decision of one recording, followed in pieces of any length.

    Parameters
    ----------
    language, languages
        The spoken one, of how many.
    frame_s
        Seconds from one frame to the next.

    Attributes
    ----------
    changes
        How often the leading language changed.
    settled
        The frame from which on the decision has been right; None where it is wrong or there was no speech.
    after
        Whether it was right after so many seconds of speech, of `AFTER`; those that were not reached are missing.
    """

    def __init__(self, language: int, languages: int, frame_s: float) -> None:
        self._language = language
        self._marks = {round(seconds / frame_s) - 1: seconds for seconds in AFTER}
        self._total = np.zeros((1, languages))
        self._frames = 0  # of speech
        self.changes = 0
        self.settled: int | None = None
        self.after: dict[int, bool] = {}

    def accept(self, posteriors: Features, numbers: NDArray[np.int64]) -> None:
        """Take the posteriors of more speech frames, shape (frames, classes), and their numbers in the recording."""
        if not len(numbers):
            return
        spoken = np.log(np.maximum(posteriors[:, : self._total.shape[1]], FLOOR, dtype=np.float64))
        totals = np.cumsum(np.concatenate([self._total, spoken]), axis=0)
        leads = totals.argmax(axis=1)[0 if self._frames else 1 :]
        self.changes += int(np.count_nonzero(np.diff(leads)))
        right = leads[-len(numbers) :] == self._language
        wrong = np.flatnonzero(~right)
        if len(wrong):
            self.settled = int(numbers[wrong[-1] + 1]) if right[-1] else None
        elif self.settled is None:
            self.settled = int(numbers[0])
        for mark, seconds in self._marks.items():
            if self._frames <= mark < self._frames + len(right):
                self.after[seconds] = bool(right[mark - self._frames])
        self._total = totals[-1:]
        self._frames += len(numbers)


def summary(courses: Sequence[Course], frame_s: float) -> dict[str, object]:
    """What evaluation/metrics.json holds of the stream.

    `seconds_until_right`: median over the recordings that end right, of audio. `accuracy_after`: by seconds of speech,
    the share of the recordings that have as much whose decision is right then, and their number.
    """
    settled = [of_one.settled * frame_s for of_one in courses if of_one.settled is not None]
    after = {}
    for seconds in AFTER:
        known = [of_one.after[seconds] for of_one in courses if seconds in of_one.after]
        after[f"{seconds} s"] = {"accuracy": float(np.mean(known)) if known else None, "recordings": len(known)}
    return {
        "seconds_until_right": float(np.median(settled)) if settled else None,
        "changes_of_mind": float(np.mean([of_one.changes for of_one in courses])),
        "accuracy_after": after,
    }


Block = tuple[Features, NDArray[np.int64], Features]  # MFCCs (frames, n_mfcc), targets and weights (frames,)


def drift(network: Stream, blocks: Callable[[], Iterable[Block]], frame_s: float) -> list[float]:
    """Frame accuracy in each minute of ten without a reset, the recordings of one language one after the other.

    Parameters
    ----------
    blocks
        The recordings piece by piece; asked for again until ten minutes are full.
    """
    frames = round(DRIFT_MINUTES * MINUTE / frame_s)
    hits, weights = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
    network.reset_states()
    for at, (features, target, weight) in enumerate(itertools.islice(_endless(blocks), frames)):
        hits[at] = weight * (network.step(features).argmax() == target)
        weights[at] = weight
    by_minute = zip(np.array_split(hits, DRIFT_MINUTES), np.array_split(weights, DRIFT_MINUTES), strict=True)
    return [float(hit.sum() / max(weight.sum(), 1)) for hit, weight in by_minute]


def _endless(blocks: Callable[[], Iterable[Block]]) -> Iterator[tuple[Features, int, float]]:
    more = True
    while more:
        more = False
        for block in blocks():
            for features, target, weight in zip(*block, strict=True):
                more = True
                yield features, int(target), float(weight)


def equal(recording: str, streamed: Features, offline: Features, tolerance: float) -> None:
    """Refuse a stream that answers a recording otherwise than the offline stages.

    Raises
    ------
    ExportError
        Naming the recording and how far it is off.
    """
    off = float(np.abs(streamed - offline).max(initial=0)) if streamed.shape == offline.shape else np.inf
    if not off <= tolerance:
        raise ExportError(
            f"the stream of {recording} is off by {off:.2g} from the offline posteriors, more than {tolerance:g}; "
            "run `dvc repro` to export anew"
        )
