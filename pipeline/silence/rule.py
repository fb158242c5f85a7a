"""SoX's rule for silence, written again so that it says where: exact integers, any block size."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.samples import FULL_SCALE, Samples

BLOCK = 1 << 13  # samples taken at a time: the level is computed anew behind every stop
DURATION = 0.02  # s that SoX waits before it starts or stops; min_speech, min_silence and pad are applied to its spans
_SOX_MAX = 2**31 - 1  # SoX computes in 32-bit samples
_SOX_SCALE = 2**16  # one step of a 16-bit sample in SoX's
_SOX_STEP = 2**7  # SoX compares levels cut to the precision of its input: 25 of 32 bits for float32


class SoxRule:
    """Where SoX's `silence` effect keeps samples of a stream.

    SoX waits until the level has been above the threshold for 20 ms, keeps from the first of them on, and stops when
    it has been at or below it for 20 ms, which are dropped; then it forgets the level and waits again. The level is
    the RMS of the last 20 ms, the newest sample included.

    Parameters
    ----------
    threshold
        Percent of full scale.


    Attributes
    ----------
    heard
        Samples so far.
    open
        Whether SoX is keeping samples now.
    """

    def __init__(self, sample_rate: int, threshold: float) -> None:
        self._window = sample_rate // 50
        self._wait = int(DURATION * sample_rate + 0.5)
        self._least = _least_energy(self._window, float(f"{threshold:f}"))  # as pysox writes it
        self._most = self._window * FULL_SCALE**2  # the root of which overflows SoX's 32 bits: below any threshold
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
        blocks = (samples[at : at + BLOCK] for at in range(0, len(samples), BLOCK))
        return [change for block in blocks for change in self._take(block)]

    def _take(self, samples: Samples) -> list[tuple[bool, int]]:
        changes: list[tuple[bool, int]] = []
        squares = samples.astype(np.int64) ** 2
        while len(squares):
            leaving = np.concatenate([self._squares, squares])
            energy = self._energy + np.cumsum(squares - leaving[: len(squares)])
            above = (energy >= self._least) & (energy < self._most)
            used = self._until_change(above != self.open)
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


def _least_energy(window: int, threshold: float) -> int:
    """The smallest sum of squared 16-bit samples over a window that SoX finds above the threshold.

    SoX takes the root in double precision, cuts it to its input's precision and compares that; written as SoX does it,
    then inverted by bisection, so that the whole rule can be kept in exact integers.
    """

    def above(energy: int) -> bool:
        level = int(math.sqrt(float(energy * _SOX_SCALE**2) / window))
        return level // _SOX_STEP * _SOX_STEP / _SOX_MAX * 100 > threshold

    low, high = 0, window * FULL_SCALE**2 + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if above(middle) else (middle + 1, high)
    return low
