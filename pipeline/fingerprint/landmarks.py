"""Landmarks of speech: its spectrum at the maxima of its envelope, which survive another level, codec, rate and noise.

The times come from the signal, not from a grid of frames: copies are analysed at the same places, whatever is cut off
before them.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.arrays import Samples

RATE_HZ = 3200  # of the signal that is analysed, approximately
BLOCK = 16  # samples at that rate, 5 ms: of the envelope
SMOOTHING = np.array([1, 3, 6, 9, 10, 9, 6, 3, 1], np.float64)  # of blocks: means of 20, 20 (50 Hz hum) and 15 ms
VALLEY, PROMINENCE = 5, 1.03  # a maximum has so many times the power of the blocks 25 ms before and after it
WINDOW = 320  # samples, 100 ms: of the spectrum
BANDS_HZ = (250, 450, 700, 1050, 1500)  # edges; above the hum of mains, below what narrow codecs and low rates remove
N_BANDS = len(BANDS_HZ) - 1
RANGE = 1000  # 30 dB: bands further below the strongest are left out
MIN_BANDS = 2  # of a landmark
TICK = 25  # samples, 8 ms
MARGIN = WINDOW // BLOCK  # blocks that are seen on both sides of a step, and zeros between recordings
STEP = 8000  # blocks searched at a time, 40 s: of several recordings if they are short
PART = 3200  # samples that are added up at a time: they stay in a core's cache

FULL = (STEP + 2 * MARGIN) * BLOCK  # samples of a step
HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@dataclass(frozen=True)
class Landmarks:
    """Maxima of a recording's envelope, in order of time.

    Attributes
    ----------
    ticks
        Times, shape (landmarks,), in units of `tick_s`.
    bins
        The strongest bin of the spectrum in every band, shape (landmarks, bands); 0 if the band is weak.
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
    return TICK * _factor(sample_rate) / sample_rate


class Landmarker:
    """Find the landmarks of recordings, which arrive one after the other, in blocks of any size.

    They are searched together: at the few seconds of one, calling NumPy would take longer than the search.

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
        self._factor = _factor(sample_rate)
        self._edges = np.rint(np.array(BANDS_HZ) * WINDOW * self._factor / sample_rate).astype(int)
        # The arrays are allocated once: for new ones, the system's clearing of pages would take half of the time.
        self._ones = np.ones(self._factor, np.float32)
        self._part = np.zeros((PART, self._factor), np.float32)
        self._signal = np.zeros((STEP + 3 * MARGIN) * BLOCK, np.float32)  # from the margin before the step on
        self._difference = np.zeros(len(self._signal))
        self._filled = MARGIN * BLOCK
        self._next = 0  # block that the step begins with
        self._rest = np.zeros(0, np.int16)
        self._starts: list[int] = []  # blocks
        self._lengths: list[int] = []  # samples of the recordings
        self._times: list[NDArray[np.int64]] = []
        self._bins: list[NDArray[np.uint8]] = []

    def start(self) -> None:
        """Begin with the next recording."""
        self._rest = self._rest[:0]
        padding = (MARGIN if self._starts else 0) * BLOCK + -self._filled % BLOCK
        self._take(np.zeros(padding * self._factor, np.int16))
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
        times, bins = np.concatenate(self._times), np.concatenate(self._bins)
        firsts = [*np.searchsorted(times, (np.array(self._starts) - MARGIN // 2) * BLOCK).tolist(), len(times)]
        return [
            Landmarks(
                ((times[first:last] - start * BLOCK + TICK // 2) // TICK).astype(np.int32),
                bins[first:last],
                length // (TICK * self._factor),
            )
            for start, length, (first, last) in zip(self._starts, self._lengths, pairwise(firsts), strict=True)
        ]

    def _take(self, samples: Samples) -> None:
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._factor * self._factor
        self._rest = samples[whole:].copy()
        groups = samples[:whole].reshape(-1, self._factor)
        while len(groups):
            part = self._part[: min(len(groups), FULL - self._filled)]
            np.copyto(part, groups[: len(part)])
            # Sums of few 16-bit integers are exact.
            np.matmul(part, self._ones, out=self._signal[self._filled : self._filled + len(part)])
            self._filled += len(part)
            groups = groups[len(part) :]
            if self._filled == FULL:
                self._search(STEP)
                self._filled = 2 * MARGIN * BLOCK
                self._signal[: self._filled] = self._signal[FULL - self._filled : FULL]

    def _search(self, count: int) -> None:
        """Find the landmarks in `count` blocks after the margin."""
        signal = self._signal[: (count + 2 * MARGIN) * BLOCK]
        centres = self._maxima(signal)
        centres = centres[(centres >= MARGIN * BLOCK) & (centres < (MARGIN + count) * BLOCK)]
        bins = self._strongest(sliding_window_view(signal, WINDOW)[centres - WINDOW // 2])
        enough = np.count_nonzero(bins, axis=1) >= MIN_BANDS
        self._times.append((self._next - MARGIN) * BLOCK + centres[enough])
        self._bins.append(bins[enough])
        self._next += count

    def _maxima(self, signal: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples of the maxima of the envelope, but not those near the ends of the signal.

        Sums and products are exact, so that they depend on nothing but the samples around them.
        """
        # Without the second sample before it, little is left of hum in a sample.
        difference = self._difference[: len(signal)]
        np.subtract(signal[2:], signal[:-2], out=difference[1:-1])
        blocks = difference.reshape(-1, BLOCK)
        envelope = np.convolve(np.einsum("ij,ij->i", blocks, blocks), SMOOTHING, "same")
        inner = envelope[VALLEY:-VALLEY]
        at = VALLEY + np.flatnonzero(
            (inner > envelope[VALLEY - 1 : -VALLEY - 1]) & (inner >= envelope[VALLEY + 1 : 1 - VALLEY])
        )
        valleys = np.maximum(envelope[at - VALLEY], envelope[at + VALLEY])
        floor = SMOOTHING.sum() * BLOCK * self._factor**2  # a tone of one 16-bit step
        at = at[envelope[at] > np.maximum(PROMINENCE * valleys, floor)]
        left, middle, right = envelope[at + np.array([[-1], [0], [1]])]
        shift = (left - right) / (2 * (left - 2 * middle + right))  # of the vertex of a parabola through the three
        centres: NDArray[np.int64] = np.rint((at + 0.5 + shift) * BLOCK).astype(np.int64)
        return centres

    def _strongest(self, windows: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The strongest bin of every band, shape (windows, bands)."""
        spectrum = scipy.fft.rfft(windows * HANN, axis=1)[:, self._edges[0] : self._edges[-1]]
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        bands = self._edges - self._edges[0]
        strongest = [power[:, low:high].argmax(axis=1) for low, high in pairwise(bands)]
        bins: NDArray[np.uint8] = (np.stack(strongest, axis=1) + self._edges[:-1]).astype(np.uint8)
        top = np.maximum.reduceat(power, bands[:-1], axis=1)
        # The power of a tone of one 16-bit step: rounding noise is 35 dB below it.
        floor = np.maximum(top.max(axis=1, initial=0) / RANGE, (self._factor * WINDOW / 4) ** 2)
        bins[top <= floor[:, None]] = 0
        return bins


def _factor(sample_rate: int) -> int:
    """How many samples are added up to one of the signal that is analysed."""
    return max(1, round(sample_rate / RATE_HZ))
