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
STEP = 500  # frames searched for peaks at a time, 16 s: their spectra stay in a core's cache
TICKS = 4  # per hop; the time of a peak is interpolated between frames

SEEN = (STEP + 2 * MARGIN - 1) * HOP + WINDOW  # samples that a step depends on
CHUNK = STEP * HOP // 8
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
        # Frame t is centred on sample t * HOP. The first frame that a step sees starts MARGIN frames earlier.
        self._pending = np.zeros(WINDOW // 2 + MARGIN * HOP, np.float32)
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
        for at in range(0, whole, CHUNK * self._factor):
            part = samples[at : min(at + CHUNK * self._factor, whole)].reshape(-1, self._factor)
            # The sum of so few 16-bit integers is exact in any order.
            self._pending = np.concatenate([self._pending, part.astype(np.float32) @ self._ones])
            if len(self._pending) >= SEEN:
                self._search(self._pending[:SEEN])
                self._pending = self._pending[STEP * HOP :]

    def finish(self) -> Landmarks:
        """Return the landmarks of the whole recording."""
        self._pending = np.concatenate([self._pending, np.zeros(WINDOW // 2 + MARGIN * HOP, np.float32)])
        if len(self._pending) >= 2 * MARGIN * HOP + WINDOW:
            self._search(self._pending)
        ticks, bins = np.concatenate(self._ticks), np.concatenate(self._bins)
        order = np.lexsort((bins, ticks))
        return Landmarks(ticks[order], bins[order], self._n_samples * TICKS // (HOP * self._factor))

    def _search(self, signal: NDArray[np.float32]) -> None:
        """Find the peaks of all frames but the margins."""
        windowed = sliding_window_view(signal, WINDOW)[::HOP] * HANN
        spectrum = scipy.fft.rfft(windowed, axis=1)[:, self._first : self._first + self._edges[-1]]
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        strongest = np.maximum.reduceat(power, self._edges[:-1], axis=1)
        centre = strongest[MARGIN:-MARGIN]
        is_peak = centre > self._floor
        for lag in range(1, REACH + 1):
            is_peak &= centre > strongest[MARGIN - lag : -MARGIN - lag]
            is_peak &= centre >= strongest[MARGIN + lag : len(strongest) - MARGIN + lag]
        frames, bands = np.nonzero(is_peak)
        bins = (power[frames + MARGIN] == centre[frames, bands, None]).argmax(axis=1)
        before, left, middle, right, after = power[frames + AROUND, bins]
        prominent = middle > PROMINENCE * np.maximum(before, after)
        left, middle, right = np.log(np.maximum([left, middle, right], 1))
        curvature = np.minimum(left - 2 * middle + right, -1e-6)  # below 0 if it were not rounded
        shift = (left - right) / (2 * curvature)  # the vertex of a parabola through the three
        ticks = np.rint(TICKS * (self._next + frames + np.clip(shift, -0.5, 0.5))).astype(np.int32)
        self._ticks.append(ticks[prominent])
        self._bins.append((self._first + bins[prominent]).astype(np.uint8))
        self._next += len(centre)


def _factor(sample_rate: int) -> int:
    """How many samples are added up to one of the signal that is analysed."""
    return max(1, round(sample_rate / RATE_HZ))
