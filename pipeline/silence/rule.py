"""SoX's rule for silence in exact integers: the samples at which SoX starts and stops, for blocks of any size."""

import bisect
import math

import numpy as np

from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE

BLOCK_SAMPLES = 1 << 13  # processed at a time: the levels of the rest of a block are recomputed after every change
DURATION_S = 0.02  # that SoX waits before it starts or stops; min_speech, min_silence and pad apply to its spans
_SOX_MAX = 2**31 - 1  # SoX computes in 32-bit samples
_SOX_SCALE = 2**16  # one step of a 16-bit sample in SoX's samples
_SOX_STEP = 2**7  # SoX truncates levels to the precision of its input: 25 of 32 bits for float32


class SoxRule:
    """The samples of a stream at which SoX's `silence` effect starts and stops.

    SoX waits until the level has been above the threshold for 20 ms and keeps samples from the first of these on. It
    stops when the level has been at or below the threshold for 20 ms, which are dropped. Then it resets the level and
    waits again. The level is the RMS of the last 20 ms, the newest sample included.

    Parameters
    ----------
    sample_rate
        Hz.
    threshold
        Percent of full scale.

    Attributes
    ----------
    n_samples
        Number of samples so far.
    open
        True while SoX keeps samples.

    Examples
    --------
    >>> rule = SoxRule(16000, threshold=1.0)
    >>> rule.accept(np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000]))
    [(True, 1000), (False, 5319)]
    """

    def __init__(self, sample_rate: int, threshold: float) -> None:
        self._window = sample_rate // 50
        self._wait = int(DURATION_S * sample_rate + 0.5)
        self._least = _least_energy(self._window, float(f"{threshold:f}"))  # as pysox writes it
        self._most = self._window * FULL_SCALE**2  # its root overflows SoX's 32 bits: below any threshold
        self._squares = np.zeros(self._window, np.int64)  # of the window, oldest first
        self._energy = 0
        self._run = 0  # newest samples in a row that are above the threshold if closed, not above if open
        self.n_samples = 0
        self.open = False

    @property
    def undecided(self) -> int:
        """The first sample on which SoX has not decided yet."""
        return self.n_samples - self._run

    @property
    def forgets_after(self) -> int:
        """Number of zero samples that reset the state."""
        return self._window + self._wait

    def accept(self, samples: Samples) -> list[tuple[bool, int]]:
        """Take more samples; return the new starts (True) and stops (False), in order, each with its sample."""
        changes, at = list[tuple[bool, int]](), 0
        while at < len(samples):
            squares = np.square(samples[at : at + BLOCK_SAMPLES].astype(np.int64))
            leaving = np.concatenate([self._squares, squares])
            energies = np.add.accumulate(squares - leaving[: len(squares)])
            energies += self._energy
            above = (energies >= self._least) & (energies < self._most)
            opposite = b"\1" * self._run + (above ^ self.open).tobytes()
            change = opposite.find(b"\1" * self._wait)
            used = len(squares) if change < 0 else change + self._wait - self._run
            self._squares = leaving[used : used + self._window]
            self._energy = int(energies[used - 1])
            self.n_samples += used
            at += used
            self._run = len(opposite) - len(opposite.rstrip(b"\1"))
            if change >= 0:
                self.open, self._run = not self.open, 0
                changes.append((self.open, self.n_samples - self._wait))
                if not self.open:  # SoX resets the level when it stops
                    self._squares, self._energy = np.zeros_like(self._squares), 0
        return changes


def _least_energy(window: int, threshold: float) -> int:
    """Return the smallest sum of squared 16-bit samples over a window that SoX finds above the threshold.

    SoX takes the root in double precision, truncates it to its input's precision and compares that. Bisection inverts
    this computation, so that everything else is in exact integers.
    """

    def above(energy: int) -> bool:
        level = int(math.sqrt(float(energy * _SOX_SCALE**2) / window))
        return level // _SOX_STEP * _SOX_STEP / _SOX_MAX * 100 > threshold

    return bisect.bisect_left(range(window * FULL_SCALE**2 + 1), True, key=above)
