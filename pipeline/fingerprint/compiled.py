"""The loops of the landmarks, compiled by Numba: in NumPy, each is several passes over the samples.

The machine code is kept in Numba's cache. Sums are in a fixed order, so that processors agree.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def add_up(groups: NDArray[np.int16], each: tuple[None, ...], sums: NDArray[np.float32]) -> None:
    """Write the sum of every group, shape (groups, samples), into an array of at least that length; sums are exact.

    `each` has one element per sample of a group: the compiled code of a tuple knows its length, and is faster for it.
    """
    for group in range(len(groups)):
        total = 0
        for number in range(len(each)):
            total += groups[group, number]
        sums[group] = total


@njit(cache=True, nogil=True)
def envelope(signal: NDArray[np.float32], block: int, smoothing: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the smoothed power of every block of samples; 0 near the ends of the signal.

    Parameters
    ----------
    block
        Number of samples, a multiple of 4.
    smoothing
        Weights of neighbouring blocks; their number is odd.
    """
    n_blocks, reach = len(signal) // block, len(smoothing) // 2
    power, smooth = np.zeros(n_blocks), np.zeros(n_blocks)
    for number in range(1, n_blocks - 1):
        a = b = c = d = np.float32(0)  # four sums, which a processor adds to at the same time
        for at in range(number * block, (number + 1) * block, 4):
            # The difference of samples two apart suppresses hum.
            a += (signal[at + 1] - signal[at - 1]) ** 2
            b += (signal[at + 2] - signal[at]) ** 2
            c += (signal[at + 3] - signal[at + 1]) ** 2
            d += (signal[at + 4] - signal[at + 2]) ** 2
        power[number] = (a + b) + (c + d)
    for number in range(reach, n_blocks - reach):
        for lag in range(len(smoothing)):
            smooth[number] += smoothing[lag] * power[number - reach + lag]
    return smooth


@njit(cache=True, nogil=True)
def maxima(values: NDArray[np.float64], valley: int, prominence: float, floor: float) -> NDArray[np.float64]:
    """Return the interpolated positions of maxima above `floor`, except near the ends.

    A maximum is `prominence` times the values `valley` before and after it.
    """
    found = np.empty(len(values))
    count = 0
    for at in range(valley, len(values) - valley):
        left, middle, right = values[at - 1], values[at], values[at + 1]
        if left < middle >= right and middle > max(floor, prominence * max(values[at - valley], values[at + valley])):
            found[count] = at + (left - right) / (2 * (left - 2 * middle + right))  # the vertex of a parabola
            count += 1
    return found[:count]


# Without NaN, which audio has none of, the search for the highest value takes many at a time.
@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def strongest(spectra: NDArray[np.complex64], edges: NDArray[np.int64], span: float, floor: float) -> NDArray[np.uint8]:
    """Return the strongest bin of every band, shape (spectra, bands).

    It is 0 where its power is not above `floor`, or not above that of the strongest band divided by `span`.

    Parameters
    ----------
    spectra
        Shape (spectra, bins).
    edges
        First bin of every band, and the end of the last band.
    """
    bins = np.zeros((len(spectra), len(edges) - 1), np.uint8)
    power = np.empty(spectra.shape[1], np.float32)
    tops = np.empty(len(edges) - 1, np.float32)
    for number in range(len(spectra)):
        for at in range(edges[0], edges[-1]):
            power[at] = spectra[number, at].real ** 2 + spectra[number, at].imag ** 2
        for band in range(len(tops)):
            top = np.float32(0)
            for at in range(edges[band], edges[band + 1]):
                top = max(top, power[at])
            tops[band] = top
        limit = max(floor, tops.max() / span)
        for band in range(len(tops)):
            if tops[band] > limit:
                at = edges[band]
                while power[at] < tops[band]:
                    at += 1
                bins[number, band] = at
    return bins
