"""Speech flags of a stream: the frames that `silence` calls speech, each as soon as nothing to come can change it.

    samples heard     ───────────────────────────────────────┤ now
    SoX's spans           ▐████▌   ▐███████████▌   ▐███???
    joined, long enough   ▐████████████████████▌             a gap is a gap once it has lasted min_silence
    padded               ▐██████████████████████▌
    flags decided     ...SSSSSSSSSSSSSSSSSSSSSSSSs|          the rest waits: at most wait + min_speech + min_silence + pad
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from pipeline import params, silence
from pipeline.audio import Samples


class SoxRule:
    """`silence.kept_spans` of a stream.

    Attributes
    ----------
    heard
        Samples so far.
    open
        Whether SoX is keeping samples now; then the last of `spans` ends at the latest sample above the threshold.
    spans
        [start, end] of what SoX has kept, to be taken away by whoever reads them.
    """

    def __init__(self, sample_rate: int, threshold: float) -> None:
        self._window = sample_rate // 50
        self._wait = int(silence.DURATION * sample_rate + 0.5)
        self._least = silence.least_energy(self._window, threshold)
        self._squares = np.zeros(self._window, np.int64)  # of the window, oldest first
        self._energy = 0
        self._run = 0  # newest samples in a row that speak for a change: above when not keeping, not above when keeping
        self.heard = 0
        self.open = False

    @property
    def undecided(self) -> int:
        """The first sample that SoX may still keep or drop."""
        return self.heard - self._run

    def accept(self, samples: Samples) -> list[tuple[bool, int]]:
        """Take more samples; give back where SoX started (True) and stopped (False) to keep, in order."""
        changes: list[tuple[bool, int]] = []
        squares = samples.astype(np.int64) ** 2
        while len(squares):
            leaving = np.concatenate([self._squares, squares])
            energy = self._energy + np.cumsum(squares - leaving[: len(squares)])
            used = self._until_change((energy >= self._least) != self.open)
            self._squares = leaving[used : used + self._window]
            self._energy = int(energy[used - 1])
            self.heard += used
            squares = squares[used:]
            if self._run == self._wait:
                self.open = not self.open
                changes.append((self.open, self.undecided))
                self._run = 0
                if not self.open:  # SoX forgets the level when it stops
                    self._squares, self._energy = np.zeros_like(self._squares), 0
        return changes

    def _until_change(self, speaks: NDArray[np.bool_]) -> int:
        """Count on to the sample that completes a change, or to the end; give back how many were counted."""
        at = 0
        while at < len(speaks):
            if not speaks[at]:
                self._run = 0
                ahead = int(np.argmax(speaks[at:]))
                if not speaks[at + ahead]:
                    return len(speaks)
                at += ahead
            need = self._wait - self._run
            stretch = speaks[at : at + need]
            length = len(stretch) if stretch.all() else int(np.argmin(stretch))
            self._run += length
            at += length
            if self._run == self._wait:
                return at
        return at


class Detector:
    """`silence.tidy` and `silence.flags` of a stream."""

    def __init__(self, sample_rate: int, hop_length: int, detection: params.Detection) -> None:
        self._rule = SoxRule(sample_rate, detection.threshold)
        self._hop = hop_length
        self._gap = max(1, round(detection.min_silence * sample_rate))
        self._least = round(detection.min_speech * sample_rate)
        self._pad = round(detection.pad * sample_rate)
        self._group: tuple[int, int] | None = None  # spans joined so far, not known to be followed by a gap yet
        self._speech: deque[tuple[int, int]] = deque()  # padded, not passed by the frames yet
        self._frame = 0

    def accept(self, samples: Samples) -> NDArray[np.bool_]:
        """Take more samples; give back the flags of the next frames that are decided, shape (frames,)."""
        for starts, sample in self._rule.accept(samples):
            if not starts:
                self._group = (self._group[0] if self._group else sample, sample)
            elif self._group is None or sample - self._group[1] >= self._gap:
                self._close()
                self._group = (sample, sample)
        if self._rule.open and self._group:
            self._group = (self._group[0], self._rule.undecided)
        elif self._group and self._rule.undecided - self._group[1] >= self._gap:
            self._close()
        return self._decide(self._rule.heard, self._rule.undecided)

    def finish(self) -> NDArray[np.bool_]:
        """The flags of the last frames."""
        heard = self._rule.heard
        if self._rule.open and self._group:
            self._group = (self._group[0], heard)
        self._close()
        return self._decide(heard + 1, heard + 1 + self._pad + self._hop)

    def _close(self) -> None:
        if self._group and self._group[1] - self._group[0] >= self._least:
            self._speech.append((self._group[0] - self._pad, self._group[1] + self._pad))
        self._group = None

    def _decide(self, end: int, undecided: int) -> NDArray[np.bool_]:
        """Flags of the frames in the middle of which no sample at or after `undecided` can matter, up to sample `end`."""
        decided: list[bool] = []
        start, stop = self._group or (undecided, undecided)
        sure = self._group is not None and stop - start >= self._least
        while (middle := (self._frame + len(decided)) * self._hop) < end:
            middle = min(middle, max(self._rule.heard - 1, 0))
            while self._speech and self._speech[0][1] <= middle:
                self._speech.popleft()
            if self._speech and self._speech[0][0] <= middle:
                decided.append(True)
            elif middle < start - self._pad:
                decided.append(False)
            elif sure and middle < stop + self._pad:
                decided.append(True)
            else:
                break
        self._frame += len(decided)
        return np.array(decided, np.bool_)
