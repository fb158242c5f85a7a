"""Landmarks of speech: the strongest bins of its spectrogram, which survive another level, codec, rate and noise.

Source: A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.arrays import Samples

RATE_HZ = 3200  # of the signal that is analysed, approximately
WINDOW, HOP = 320, 100  # samples at that rate: 100 ms and 31 ms
BANDS_HZ = (250, 450, 700, 1050, 1500)  # edges; above the hum of mains, below what narrow codecs and low rates remove
REACH = 2  # a peak is the maximum of its band over this many frames on both sides
PROMINENCE = 2.0  # power of a peak over that of its bin one frame beyond its reach: constant tones have no peaks
MARGIN = REACH + 1  # frames on both sides that a peak is compared with
STEP = 500  # frames searched for peaks at a time, 16 s
BLOCK = 64  # frames transformed at a time, 2 s: they stay in a core's cache
TICKS = 4  # per hop; the time of a peak is interpolated between frames

SEEN = (STEP + 2 * MARGIN - 1) * HOP + WINDOW  # samples that a step depends on
PADDING = WINDOW // 2 + MARGIN * HOP  # zeros at both ends: frame t is centred on sample t * HOP
HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
AROUND = MARGIN + np.array([[-MARGIN], [-1], [0], [1], [MARGIN]])  # rows that a peak is compared with


@dataclass(frozen=True)
class Landmarks:
    """The peaks of a recording in order of time, then of frequency.

    Attributes
    ----------
    ticks
        Times, shape (peaks,), in units of `tick_s`.
    bins
        Frequencies, shape (peaks,): bins of the spectrum.
    length
        Ticks of the whole recording.
    """

    ticks: NDArray[np.int32]
    bins: NDArray[np.uint8]
    length: int


def tick_s(sample_rate: int) -> float:
    """Seconds per tick, for recordings at `sample_rate` Hz.

    >>> tick_s(16000)
    0.0078125
    """
    return HOP * _factor(sample_rate) / TICKS / sample_rate


class Landmarker:
    """Find the landmarks of a recording that arrives in blocks; the size of the blocks changes nothing.

    Four bursts of 1000 Hz:

    >>> times = np.arange(32000) / 16000
    >>> landmarker = Landmarker(16000)
    >>> landmarker.accept((9999 * np.sin(2 * np.pi * 1000 * times) * (times % 0.5 < 0.1)).astype(np.int16))
    >>> found = landmarker.finish()
    >>> (found.ticks[found.bins == 100] * tick_s(16000)).tolist()
    [0.046875, 0.546875, 1.046875, 1.546875]
    """

    def __init__(self, sample_rate: int) -> None:
        self._factor = _factor(sample_rate)
        edges = np.rint(np.array(BANDS_HZ) * WINDOW * self._factor / sample_rate).astype(int)
        self._first, self._edges = edges[0], edges - edges[0]
        # The power of a tone of one 16-bit step: rounding noise is 35 dB below it.
        self._floor = np.float32((self._factor * WINDOW / 4) ** 2)
        self._ones = np.ones(self._factor, np.float32)
        # The arrays are allocated once: if freed memory goes back to the system at once, as in Dask's workers,
        # allocating them for every recording would take as long as the transform.
        self._signal = np.zeros(SEEN + BLOCK * HOP + PADDING, np.float32)  # from the first frame that a step sees on
        self._frames = sliding_window_view(self._signal, WINDOW)[::HOP]
        self._power = np.empty((STEP + 2 * MARGIN + BLOCK, self._edges[-1]), np.float32)
        self._windowed = np.empty((BLOCK, WINDOW), np.float32)
        self._imaginary = np.empty((BLOCK, self._edges[-1]), np.float32)
        self.reset()

    def reset(self) -> None:
        """Start another recording."""
        self._filled = PADDING
        self._rest = np.zeros(0, np.int16)
        self._n_samples = self._next = 0
        self._ticks: list[NDArray[np.int32]] = []
        self._bins: list[NDArray[np.uint8]] = []

    def accept(self, samples: Samples) -> None:
        """Take more samples, shape (samples,)."""
        self._n_samples += len(samples)
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._factor * self._factor
        self._rest = samples[whole:].copy()
        for at in range(0, whole, BLOCK * HOP * self._factor):
            part = samples[at : min(at + BLOCK * HOP * self._factor, whole)].reshape(-1, self._factor)
            place = self._signal[self._filled : self._filled + len(part)]
            np.matmul(part.astype(np.float32), self._ones, out=place)  # exact: sums of few 16-bit integers
            self._filled += len(part)
            if self._filled >= SEEN:
                self._search(STEP + 2 * MARGIN)
                self._filled -= STEP * HOP
                self._signal[: self._filled] = self._signal[STEP * HOP : STEP * HOP + self._filled]

    def finish(self) -> Landmarks:
        """Return the landmarks of the whole recording."""
        self._signal[self._filled : self._filled + PADDING] = 0
        self._search((self._filled + PADDING - WINDOW) // HOP + 1)
        ticks, bins = np.concatenate(self._ticks), np.concatenate(self._bins)
        order = np.lexsort((bins, ticks))
        return Landmarks(ticks[order], bins[order], self._n_samples * TICKS // (HOP * self._factor))

    def _search(self, count: int) -> None:
        """Find the peaks of the first frames, but not those of the margins."""
        power = self._spectrogram(count)
        strongest = np.maximum.reduceat(power, self._edges[:-1], axis=1)
        centre = strongest[MARGIN:-MARGIN]
        is_peak = centre > self._floor
        for lag in range(1, REACH + 1):
            is_peak &= centre > strongest[MARGIN - lag : -MARGIN - lag]
            is_peak &= centre >= strongest[MARGIN + lag : len(strongest) - MARGIN + lag]
        frames, bands = np.nonzero(is_peak)
        bins = (power[frames + MARGIN] == centre[frames, bands, None]).argmax(axis=1)
        around = power[frames + AROUND, bins]
        prominent = around[2] > PROMINENCE * np.maximum(around[0], around[4])
        left, middle, right = np.log(np.maximum(around[1:4], 1))
        curvature = np.minimum(left - 2 * middle + right, -1e-6)  # below 0 if it were not rounded
        shift = (left - right) / (2 * curvature)  # the vertex of a parabola through the three
        ticks = np.rint(TICKS * (self._next + frames + np.clip(shift, -0.5, 0.5))).astype(np.int32)
        self._ticks.append(ticks[prominent])
        self._bins.append((self._first + bins[prominent]).astype(np.uint8))
        self._next += len(centre)

    def _spectrogram(self, count: int) -> NDArray[np.float32]:
        """Power of the bins of all bands in the first frames, shape (count, bins)."""
        for at in range(0, count, BLOCK):
            block = self._frames[at : min(at + BLOCK, count)]
            windowed = np.multiply(block, HANN, out=self._windowed[: len(block)])
            spectrum = scipy.fft.rfft(windowed, axis=1)[:, self._first : self._first + self._edges[-1]]
            power = np.square(spectrum.real, out=self._power[at : at + len(block)])
            power += np.square(spectrum.imag, out=self._imaginary[: len(block)])
        return self._power[:count]


def _factor(sample_rate: int) -> int:
    """How many samples are added up to one of the signal that is analysed."""
    return max(1, round(sample_rate / RATE_HZ))
