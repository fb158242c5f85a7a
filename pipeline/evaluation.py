"""What only a stream shows: how soon it is right, how often it changes its mind, and whether it wears out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.mfcc import Features
from pipeline.runtimes import Stream
from pipeline.silence import Flags
from pipeline.streaming import FLOOR

AFTER = (1, 3, 10, 30)  # s of speech after which the running decision is scored
DRIFT_MINUTES = 10
MINUTE = 60  # s


@dataclass(frozen=True)
class Course:
    """The running decision of one recording.

    Attributes
    ----------
    right
        Whether the leading language is the spoken one after each speech frame, shape (speech frames,).
    changes
        How often the leading language changed.
    numbers
        Which frames of the recording those are, shape (speech frames,).
    """

    right: Flags
    changes: int
    numbers: NDArray[np.int64]

    def settled(self) -> int | None:
        """The frame from which the decision is right to the end; None where it ends wrong or there is no speech."""
        if not len(self.right) or not self.right[-1]:
            return None
        wrong = np.flatnonzero(~self.right)
        return int(self.numbers[wrong[-1] + 1 if len(wrong) else 0])


def course(posteriors: Features, speech: Flags, language: int, languages: int) -> Course:
    """Follow the decision through a recording.

    Parameters
    ----------
    posteriors
        Of every frame, shape (frames, classes).
    speech
        Shape (frames,).
    language, languages
        The spoken one, of how many.
    """
    spoken = np.maximum(posteriors[speech][:, :languages], FLOOR, dtype=np.float64)
    leads = np.cumsum(np.log(spoken), axis=0).argmax(axis=1)
    return Course(leads == language, int(np.count_nonzero(np.diff(leads))), np.flatnonzero(speech))


def summary(courses: Sequence[Course], frame_s: float) -> dict[str, object]:
    """What evaluation/metrics.json holds of the stream.

    `seconds_until_right`: median over the recordings that end right, of audio. `accuracy_after`: by seconds of speech,
    the share of the recordings that have as much whose decision is right then, and their number.
    """
    settled = [frame * frame_s for frame in (of_one.settled() for of_one in courses) if frame is not None]
    after = {}
    for seconds in AFTER:
        frame = round(seconds / frame_s) - 1
        known = [bool(of_one.right[frame]) for of_one in courses if len(of_one.right) > frame]
        after[f"{seconds} s"] = {"accuracy": float(np.mean(known)) if known else None, "recordings": len(known)}
    return {
        "seconds_until_right": float(np.median(settled)) if settled else None,
        "changes_of_mind": float(np.mean([of_one.changes for of_one in courses])),
        "accuracy_after": after,
    }


def drift(
    network: Stream, recordings: Sequence[tuple[Features, NDArray[np.int64], Features]], frame_s: float
) -> list[float]:
    """Frame accuracy in each minute of ten without a reset, the recordings of one language one after the other.

    Parameters
    ----------
    recordings
        MFCCs (frames, n_mfcc), targets and weights (frames,) of each; repeated until ten minutes are full.
    """
    features, targets, weights = (np.concatenate(parts) for parts in zip(*recordings, strict=True))
    frames = round(DRIFT_MINUTES * MINUTE / frame_s)
    order = np.arange(frames) % len(features)
    network.reset_states()
    hits = np.array([network.step(features[at]).argmax() == targets[at] for at in order]) * weights[order]
    by_minute = zip(np.array_split(hits, DRIFT_MINUTES), np.array_split(weights[order], DRIFT_MINUTES), strict=True)
    return [float(hit.sum() / max(weight.sum(), 1)) for hit, weight in by_minute]


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
