"""Landmarks of speech: its spectrum at the maxima of its envelope, which survive another level, codec, rate and noise.

The times come from the signal, not from a grid of frames: copies are analysed at the same places, whatever is cut off
before them. All sums are exact or in a fixed order, so that processors agree.
"""

from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.arrays import Samples
from pipeline.fingerprint.matching import TICK, Landmarks, factor

BLOCK = 16  # samples at RATE_HZ per value of the envelope, 5 ms
SMOOTHING = (1, 3, 6, 9, 10, 9, 6, 3, 1)  # weights of blocks: means of 20, 20 (50 Hz hum) and 15 ms
VALLEY, PROMINENCE = 5, 1.03  # ratio of a maximum to the blocks 25 ms before and after it
WINDOW = 320  # samples per spectrum, 100 ms
BANDS_HZ = (250, 450, 700, 1050, 1500)  # edges; above the hum of mains, below what narrow codecs and low rates remove
RANGE = 1000  # 30 dB: bands further below the strongest are left out
MIN_BANDS = 2  # per landmark
MARGIN = WINDOW // BLOCK  # blocks of context on both sides of a step, and of zeros between recordings
STEP = 8000  # blocks searched at a time, 40 s; they may hold several short recordings

FULL = (STEP + 2 * MARGIN) * BLOCK  # samples per step
HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


class Landmarker:
    """Find the landmarks of recordings, which arrive one after the other, in blocks of any size.

    They are searched together: at the few seconds of one, calling NumPy would take longer than the search.

    >>> from pipeline.fingerprint.matching import tick_s
    >>> times = np.arange(32000) / 16000
    >>> bursts = np.exp(-np.square((times % 0.5 - 0.25) / 0.05))
    >>> tones = np.sin(2 * np.pi * 600 * times) + np.sin(2 * np.pi * 1200 * times)
    >>> landmarker = Landmarker(16000)
    >>> landmarker.start()
    >>> landmarker.accept((9999 * bursts * tones).astype(np.int16))
    >>> [found] = landmarker.finish()
    >>> (found.ticks * tick_s(16000)).round(2).tolist(), found.bins[0].tolist()
    ([0.25, 0.75, 1.25, 1.75], [0, 60, 0, 120])
    """

    def __init__(self, sample_rate: int) -> None:
        self._factor = factor(sample_rate)
        self._edges = np.rint(np.array(BANDS_HZ) * WINDOW * self._factor / sample_rate).astype(int)
        self._ones = np.ones(self._factor, np.float32)
        self._silence = np.zeros((MARGIN + 1) * BLOCK * self._factor, np.int16)
        self._signal = np.zeros(FULL + MARGIN * BLOCK, np.float32)  # from the margin before the step on
        self._filled = MARGIN * BLOCK
        self._next = 0  # block that the step begins with
        self._rest = self._silence[:0]
        self._starts: list[int] = []  # blocks
        self._lengths: list[int] = []  # samples of the recordings
        self._found: list[tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]] = []  # times, bins, levels

    def start(self) -> None:
        """Begin with the next recording."""
        self._rest = self._silence[:0]
        padding = (MARGIN if self._starts else 0) * BLOCK + -self._filled % BLOCK
        self._take(self._silence[: padding * self._factor])
        self._starts.append(self._next + self._filled // BLOCK - MARGIN)
        self._lengths.append(0)

    def accept(self, samples: Samples) -> None:
        """Take more samples of the recording, shape (samples,)."""
        self._lengths[-1] += len(samples)
        self._take(samples)

    def finish(self) -> list[Landmarks]:
        """Return the landmarks of every recording that was started, in order."""
        count = -(-self._filled // BLOCK) - MARGIN
        self._signal[self._filled : (count + 2 * MARGIN) * BLOCK] = 0
        self._search(count)
        times, bins, levels = map(np.concatenate, zip(*self._found, strict=True))
        starts = np.array(self._starts) * BLOCK
        firsts = [*np.searchsorted(times, starts - MARGIN // 2 * BLOCK).tolist(), len(times)]
        ticks = ((times - np.repeat(starts, np.diff(firsts)) + TICK // 2) // TICK).astype(np.int32)
        return [
            Landmarks(ticks[first:last], bins[first:last], levels[first:last], length // (TICK * self._factor))
            for length, (first, last) in zip(self._lengths, pairwise(firsts), strict=True)
        ]

    def _take(self, samples: Samples) -> None:
        samples = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(samples) // self._factor * self._factor
        self._rest = samples[whole:].copy()
        groups = samples[:whole].reshape(-1, self._factor)
        while len(groups):
            part = groups[: FULL - self._filled]
            self._signal[self._filled : self._filled + len(part)] = part @ self._ones  # exact: below 2^24
            self._filled += len(part)
            groups = groups[len(part) :]
            if self._filled == FULL:
                self._search(STEP)
                self._filled = 2 * MARGIN * BLOCK
                self._signal[: self._filled] = self._signal[FULL - self._filled : FULL]

    def _search(self, count: int) -> None:
        """Find the landmarks in `count` blocks after the margin."""
        signal = self._signal[: (count + 2 * MARGIN) * BLOCK]
        tone = self._factor**2  # power of a sample that is one 16-bit step
        envelope = _envelope(signal)
        maxima = _maxima(envelope, sum(SMOOTHING) * BLOCK * tone)
        times = np.rint((maxima + 0.5) * BLOCK).astype(np.int64)
        inside = (times >= MARGIN * BLOCK) & (times < (MARGIN + count) * BLOCK)
        times, powers = times[inside], envelope[np.rint(maxima[inside]).astype(np.int64)]
        spectra = scipy.fft.rfft(sliding_window_view(signal, WINDOW)[times - WINDOW // 2] * HANN, axis=1)
        # The power of a tone of a third of a 16-bit step: rounding noise is 25 dB below it.
        bins = _strongest(spectra, self._edges, tone * (WINDOW / 4) ** 2 / 10)
        enough = np.count_nonzero(bins, axis=1) >= MIN_BANDS
        levels = np.frexp(powers[enough])[1].astype(np.uint8)  # exact on every processor
        self._found.append(((self._next - MARGIN) * BLOCK + times[enough], bins[enough], levels))
        self._next += count


def _powers(signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the power of every block of samples; 0 at the ends of the signal."""
    squares = np.square(signal[2:] - signal[:-2])  # the difference of samples two apart suppresses hum
    quarters = squares[BLOCK - 1 : 1 - BLOCK].reshape(-1, 4, BLOCK // 4).swapaxes(0, 1)
    a, b, c, d = (quarters[0] + quarters[1] + quarters[2] + quarters[3]).T
    return np.pad((a + b) + (c + d), 1).astype(np.float64)


def _envelope(signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the smoothed power of every block of samples; 0 near the ends of the signal."""
    power, reach = _powers(signal), len(SMOOTHING) // 2
    envelope = np.zeros(len(power))
    for lag, weight in enumerate(SMOOTHING):
        envelope[reach:-reach] += weight * power[lag : len(power) - 2 * reach + lag]
    return envelope


def _maxima(values: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Return the interpolated positions of maxima above `floor`, except near the ends."""
    left, middle, right = (values[VALLEY + shift : len(values) - VALLEY + shift] for shift in (-1, 0, 1))
    valley = np.maximum(values[: -2 * VALLEY], values[2 * VALLEY :])
    at = np.flatnonzero((left < middle) & (middle >= right) & (middle > np.maximum(floor, PROMINENCE * valley)))
    left, middle, right = left[at], middle[at], right[at]
    return VALLEY + at + (left - right) / (2 * (left - 2 * middle + right))  # the vertex of a parabola


def _strongest(spectra: NDArray[np.complex64], edges: NDArray[np.int64], floor: float) -> NDArray[np.uint8]:
    """Return the strongest bin of every band, shape (spectra, bands).

    It is 0 if its power is not above `floor`, or too far below that of the strongest band.

    Parameters
    ----------
    spectra
        Shape (spectra, bins).
    edges
        First bin of every band, and the end of the last band.
    """
    power = np.square(spectra.real) + np.square(spectra.imag)
    bands = [power[:, first:last] for first, last in pairwise(edges)]
    tops = np.stack([band.max(axis=1) for band in bands], axis=1).astype(np.float64)
    bins = np.stack([band.argmax(axis=1) for band in bands], axis=1) + edges[:-1]
    limit = np.maximum(floor, tops.max(axis=1, keepdims=True) / RANGE)
    return np.where(tops > limit, bins, 0).astype(np.uint8)
