"""Speech flags of a stream: those of `frame_flags`, each as soon as no later sample can change it.

samples so far    ───────────────────────────────────────┤ now
SoX's spans           ▐████▌   ▐███████████▌   ▐███???
joined, long enough   ▐████████████████████▌             a gap separates spans once it has lasted min_silence
padded               ▐██████████████████████▌
flags decided     ...SSSSSSSSSSSSSSSSSSSSSSSSs|          the rest waits: at most 20 ms + min_speech + min_silence + pad
"""

import math
from collections import deque

import numpy as np

from pipeline import params
from pipeline.arrays import Flags, Samples
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import Durations


class Detector:
    """`sox_spans`, `tidy` and `frame_flags` of a stream.

    >>> detection = params.Detection(threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.0)
    >>> detector = Detector(sample_rate=16000, hop_length=1000, detection=detection)
    >>> detector.accept(np.repeat(np.array([0, 8000, 0], np.int16), [1500, 3000, 1500]))
    array([False, False,  True,  True,  True, False])
    >>> detector.finish()
    array([False])
    """

    def __init__(self, sample_rate: int, hop_length: int, detection: params.Detection) -> None:
        self._rule = SoxRule(sample_rate, detection.threshold)
        self._hop_length = hop_length
        self._durations = Durations.of(detection, sample_rate)
        self._group: tuple[int, int] | None = None  # joined spans; the next span may still join them
        self._speech: deque[tuple[int, int]] = deque()  # padded spans that frames have not passed yet
        self._n_decided = 0  # frames

    def accept(self, samples: Samples) -> Flags:
        """Take more samples; return the flags of the next frames that are decided, shape (frames,)."""
        for starts, sample in self._rule.accept(samples):
            if starts:
                self._close(sample)
            self._group = (self._group[0] if self._group else sample, sample)
        if self._rule.open and self._group:
            self._group = (self._group[0], self._rule.undecided)
        else:
            self._close(self._rule.undecided)
        return self._decide(self._rule.n_samples, self._rule.undecided)

    def finish(self) -> Flags:
        """Return the flags of the last frames."""
        n_samples = self._rule.n_samples
        if self._rule.open and self._group:
            self._group = (self._group[0], n_samples)
        self._close(math.inf)
        return self._decide(n_samples + 1, n_samples + 1 + self._durations.pad + self._hop_length)

    def _close(self, sample: float) -> None:
        """Pad the group, or drop it if it is too short, once a span that starts at a sample or later can't join it."""
        if self._group and sample - self._group[1] >= self._durations.min_silence:
            start, stop = self._group
            if stop - start >= self._durations.min_speech:
                self._speech.append((start - self._durations.pad, stop + self._durations.pad))
            self._group = None

    def _decide(self, end: int, undecided: int) -> Flags:
        """Return the next flags, up to sample `end`, that no decision from sample `undecided` on can change."""
        flags: list[bool] = []
        start, stop = self._group or (undecided, undecided)
        long_enough = self._group is not None and stop - start >= self._durations.min_speech
        while (middle := (self._n_decided + len(flags)) * self._hop_length) < end:
            middle = min(middle, max(self._rule.n_samples - 1, 0))
            while self._speech and self._speech[0][1] <= middle:
                self._speech.popleft()
            if self._speech and self._speech[0][0] <= middle:
                flags.append(True)
            elif middle < start - self._durations.pad:
                flags.append(False)
            elif long_enough and middle < stop + self._durations.pad:
                flags.append(True)
            else:
                break
        self._n_decided += len(flags)
        return np.array(flags, np.bool_)
