"""Speech flags of a stream: the frames that `silence` calls speech, each as soon as nothing to come can change it.

samples heard     ───────────────────────────────────────┤ now
SoX's spans           ▐████▌   ▐███████████▌   ▐███???
joined, long enough   ▐████████████████████▌             a gap is a gap once it has lasted min_silence
padded               ▐██████████████████████▌
flags decided     ...SSSSSSSSSSSSSSSSSSSSSSSSs|          the rest waits: at most wait + min_speech + min_silence + pad
"""

from collections import deque

import numpy as np

from pipeline import params
from pipeline.audio.samples import Samples
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import Flags


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

    def accept(self, samples: Samples) -> Flags:
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

    def finish(self) -> Flags:
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

    def _decide(self, end: int, undecided: int) -> Flags:
        """Flags of the next frames, up to sample `end`, that no decision at or after sample `undecided` can change."""
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
