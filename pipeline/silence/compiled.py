"""SoX's rule for whole recordings, compiled by Numba: ten times as fast as `SoxRule`, with the same changes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.arrays import Samples
from pipeline.silence.rule import SoxRule


class CompiledRule(SoxRule):
    """`SoxRule` for callers that have Numba.

    >>> rule = CompiledRule(16000, threshold=1.0)
    >>> rule.accept(np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000]))
    [(True, 1000), (False, 5319)]
    """

    def accept(self, samples: Samples) -> list[tuple[bool, int]]:
        """Take more samples; return the new starts (True) and stops (False), in order, each with its sample."""
        changes = np.empty(len(samples) // self._wait + 1, np.int64)
        state = np.array([self._energy, self._run, self.open, self.n_samples], np.int64)
        count = _take(samples, self._squares, state, self._least, self._most, self._wait, changes)
        starts = not self.open
        self._energy, self._run, self.open, self.n_samples = int(state[0]), int(state[1]), bool(state[2]), int(state[3])
        return [(starts ^ (number % 2 == 1), int(sample)) for number, sample in enumerate(changes[:count])]


@njit(cache=True, nogil=True)
def _take(
    samples: NDArray[np.int16],
    squares: NDArray[np.int64],
    state: NDArray[np.int64],
    least: int,
    most: int,
    wait: int,
    changes: NDArray[np.int64],
) -> int:
    """Advance the state of a rule over more samples; write the samples of changes, return their number.

    `squares` is a ring: the oldest is that of the sample number modulo its length.
    """
    energy, run, is_open, n_samples = state
    oldest, count = n_samples % len(squares), 0
    for sample in samples:
        square = np.int64(sample) * np.int64(sample)
        energy += square - squares[oldest]
        squares[oldest] = square
        oldest = 0 if oldest + 1 == len(squares) else oldest + 1
        n_samples += 1
        if (least <= energy < most) == (is_open != 0):
            run = 0
            continue
        run += 1
        if run < wait:
            continue
        is_open, run = 1 - is_open, 0
        changes[count] = n_samples - wait
        count += 1
        if not is_open:  # SoX resets the level when it stops
            squares[:] = 0
            energy = 0
    state[:] = (energy, run, is_open, n_samples)
    return count
