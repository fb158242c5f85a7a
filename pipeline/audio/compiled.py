"""The loops over the samples of a recording, compiled by Numba: in NumPy, each is several passes over the samples.

The machine code is kept in Numba's cache. Sums are in a fixed order, so that processors agree. Inner loops begin at 0
in a slice: Numba would check every index that it can't prove positive.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.audio.samples import FULL_SCALE

FULL_POWER = float(FULL_SCALE) ** 2


@njit(cache=True, nogil=True)
def totals(samples: NDArray[np.int16]) -> tuple[int, int, int, int]:
    """Return the lowest sample or 0, the highest or 0, the sum and the sum of squares; all exact."""
    low = high = total = squares = 0
    for at in range(len(samples)):
        sample = int(samples[at])
        low, high = min(low, sample), max(high, sample)
        total += sample
        squares += sample * sample
    return low, high, total, squares


@njit(cache=True, nogil=True)
def count_levels(samples: NDArray[np.int16], frame: int, levels: NDArray[np.int64]) -> None:
    """Count whole frames of `frame` samples by their power without DC offset, in dB below full scale.

    The last of `levels` also counts all fainter frames.
    """
    faintest = len(levels) - 1
    for first in range(0, len(samples) - frame + 1, frame):
        part = samples[first : first + frame]
        total = squares = 0
        for at in range(len(part)):
            sample = int(part[at])
            total += sample
            squares += sample * sample
        power = (squares - total * total / frame) / frame / FULL_POWER
        below = faintest if power <= 0 else min(int(np.rint(-10 * math.log10(power))), faintest)
        levels[max(below, 0)] += 1


@njit(cache=True, nogil=True)
def windows(
    signal: NDArray[np.int16] | NDArray[np.float32], starts: NDArray[np.int64], window: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return windowed parts of a signal, shape (starts, window)."""
    parts = np.empty((len(starts), len(window)), np.float32)
    for number in range(len(starts)):
        part = signal[starts[number] : starts[number] + len(window)]
        for at in range(len(window)):
            parts[number, at] = np.float32(part[at]) * window[at]
    return parts


@njit(cache=True, nogil=True)
def powers(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the power of every bin, shape (spectra, bins)."""
    power = np.empty(spectra.shape, np.float32)
    for number in range(spectra.shape[0]):
        for bin_ in range(spectra.shape[1]):
            value = spectra[number, bin_]
            power[number, bin_] = value.real * value.real + value.imag * value.imag
    return power


@njit(cache=True, nogil=True)
def correlations(logs: NDArray[np.float32], width: int) -> NDArray[np.float64]:
    """Return the correlation of the fine structure of each pair of spectra, from -1 to 1, shape (pairs,).

    The fine structure is the log power minus its mean over `width` neighbours, an odd number.

    Parameters
    ----------
    logs
        Log powers, shape (2 pairs, bins): the first spectra of all pairs, then the second ones.
    """
    pairs, last, reach = len(logs) // 2, logs.shape[1] - 1, width // 2
    fine = np.empty(logs.shape)
    for number in range(len(logs)):
        around = 0.0
        for at in range(-reach, reach + 1):
            around += logs[number, min(max(at, 0), last)]
        for bin_ in range(last + 1):
            fine[number, bin_] = logs[number, bin_] - around / width
            around += logs[number, min(bin_ + reach + 1, last)] - logs[number, max(bin_ - reach, 0)]
    alike = np.empty(pairs)
    for pair in range(pairs):
        first = second = both = 0.0
        for bin_ in range(last + 1):
            a, b = fine[pair, bin_], fine[pairs + pair, bin_]
            first += a * a
            second += b * b
            both += a * b
        alike[pair] = both / ((math.sqrt(first) + 1e-9) * (math.sqrt(second) + 1e-9))
    return alike
