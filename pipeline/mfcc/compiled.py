"""The loops around the Fourier transform, compiled by Numba: in NumPy, each is several passes over the frames.

The machine code is kept in Numba's cache. Sums are in a fixed order, and the logarithm is a polynomial, so that all
processors give the same bits. Frames are the last axis: neighbouring frames are computed at the same time.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.mfcc.kernel import DB_PER_NEPER

HALF_ROOT_BITS = np.int32(0x3F3504F3)  # of the square root of 1/2 as float32


@njit(cache=True, nogil=True)
def windowed(hops: NDArray[np.int16], window: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the samples of the first `count` frames times the window, shape (n_fft, count).

    Parameters
    ----------
    hops
        Samples in a row, shape (at least what the frames see, hop_length).
    """
    hop_length = hops.shape[1]
    by_place = hops.T.copy()  # a row holds one place of all hops: what neighbouring frames read
    frames = np.empty((len(window), count), np.float32)
    for at in range(len(window)):
        later, place = at // hop_length, at % hop_length
        samples = by_place[place, later : later + count]
        for frame in range(count):
            frames[at, frame] = np.float32(samples[frame]) * window[at]
    return frames


@njit(cache=True, nogil=True)
def mel_power(
    spectrum: NDArray[np.complexfloating], mel: NDArray[np.float32], edges: NDArray[np.int64], floor: np.float32
) -> NDArray[np.float32]:
    """Return the power of every mel band, at least `floor`, shape (n_mels, frames).

    Parameters
    ----------
    spectrum
        Shape (bins, frames).
    mel
        Filters, shape (bins, n_mels).
    edges
        The first bin of every filter, and the first after it, shape (n_mels, 2).
    """
    count = spectrum.shape[1]
    power = np.empty((len(spectrum), count), np.float32)
    for bin_ in range(len(spectrum)):
        for frame in range(count):
            value = spectrum[bin_, frame]
            power[bin_, frame] = value.real * value.real + value.imag * value.imag
    bands = np.zeros((mel.shape[1], count), np.float32)
    for band in range(len(bands)):
        for bin_ in range(edges[band, 0], edges[band, 1]):
            for frame in range(count):
                bands[band, frame] += power[bin_, frame] * mel[bin_, band]
        for frame in range(count):
            bands[band, frame] = max(bands[band, frame], floor)
    return bands


@njit(cache=True, nogil=True)
def to_decibels(power: NDArray[np.float32]) -> None:
    """Replace positive powers by their levels in dB, in place; within 1e-6 of them, relative.

    Source: the logarithm of the library Cephes (Moshier, 1992) in single precision.
    """
    bits = power.view(np.int32)
    for at in range(len(power)):
        # power = mantissa * 2**exponent, the mantissa from the root of 1/2 to the root of 2
        exponent = (bits[at] - HALF_ROOT_BITS) >> np.int32(23)
        bits[at] -= exponent << np.int32(23)
        x = power[at] - np.float32(1)
        square = x * x
        tail = np.float32(7.0376836292e-2)
        tail = tail * x - np.float32(1.1514610310e-1)
        tail = tail * x + np.float32(1.1676998740e-1)
        tail = tail * x - np.float32(1.2420140846e-1)
        tail = tail * x + np.float32(1.4249322787e-1)
        tail = tail * x - np.float32(1.6668057665e-1)
        tail = tail * x + np.float32(2.0000714765e-1)
        tail = tail * x - np.float32(2.4999993993e-1)
        tail = tail * x + np.float32(3.3333331174e-1)
        nepers = x + (x * square * tail - np.float32(0.5) * square)
        power[at] = (nepers + np.float32(exponent) * np.float32(0.69314718056)) * DB_PER_NEPER
