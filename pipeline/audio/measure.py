"""Measure a recording while it is written: its level, and what distinguishes speech from noise, tones and music."""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d

from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE
from pipeline.errors import AudioError

MAX_SAMPLES = 2**31 - 2**28  # the length of a container in bytes has 32 bits, and others may come before it
FRAME_S = 0.02  # per level
LOWEST_DBFS = -100  # level of digital silence
LEVELS = 10 ** (np.arange(LOWEST_DBFS + 0.5, 0) / 10)  # powers between one dB and the next
FLOOR_SHARE, LOUD_SHARE = 0.10, 0.95  # shares of frames below the noise floor and below the loud level
WINDOW_S = 0.064  # per spectrum
LAG = 2  # windows between the two spectra of a pair
STRIDE, DENSE_PAIRS, SPARSE_STRIDE = 4, 16, 16  # windows between pairs: STRIDE for the first DENSE_PAIRS
BAND_HZ = 250  # resolution of the bandwidth
BANDWIDTH_DB = 60  # a band further below the strongest is not used
TONES_HZ = (125, 4000)  # range searched for tones
ENVELOPE_BINS = 15  # width of the smoothing of the subtracted envelope, 230 Hz
LOUD = 0.05  # share of the median power; pairs with a fainter window are left out


@dataclass(frozen=True)
class Measures:
    """Measures of a recording, under the names of the columns of ingest/recordings.csv.

    Attributes
    ----------
    bandwidth_hz
        Highest frequency of the long-term spectrum within 60 dB of the strongest band, and above the rounding noise.
    noise_floor_dbfs
        10th percentile of the levels of 20 ms frames.
    modulation_db
        Distance to the 95th percentile: 20 dB and more for speech, less for music and noise.
    tonality
        Correlation of the fine structure of spectra 128 ms apart: 0 to 0.4 for speech, more for held tones.
    """

    samples: int
    sha256: str
    peak_dbfs: float
    rms_dbfs: float
    clipped: float
    dc_offset: float
    bandwidth_hz: float
    noise_floor_dbfs: float
    modulation_db: float
    tonality: float


class Meter:
    """Measures a recording that arrives in blocks of any size."""

    def __init__(self, sample_rate: int) -> None:
        self.n_samples = self.peak = 0
        self._total = self._squares = self._clipped = 0  # without the unfinished frame, except for clipped samples
        self._digest = hashlib.sha256()
        self._sample_rate = sample_rate
        self._window = 2 * round(WINDOW_S * sample_rate / 2)
        self._hann = np.hanning(self._window + 1)[:-1].astype(np.float32)
        self._rounding = float(np.sum(self._hann**2)) / 12  # power of 16-bit rounding noise in each bin
        self._frame = round(FRAME_S * sample_rate)
        self._levels = np.zeros(len(LEVELS) + 1, np.int64)  # frames by dB above LOWEST_DBFS
        self._framed = np.zeros(0, np.int16)  # samples of an unfinished frame
        self._held, self._held_from = np.zeros(0, np.int16), 0  # samples that the next pairs may need
        self._pairs, self._next = 0, 0
        self._power = np.zeros(self._window // 2 + 1)
        self._tones: list[NDArray[np.float64]] = []  # correlation, lower and higher power of pairs

    def accept(self, samples: Samples) -> bytes:
        """Take more samples, shape (samples,); return their 16-bit little-endian bytes."""
        high, low = int(samples.max(initial=0)), int(samples.min(initial=0))
        self.peak = max(self.peak, high, -low)
        if high == FULL_SCALE - 1 or low == -FULL_SCALE:
            self._clipped += int(np.count_nonzero((samples == FULL_SCALE - 1) | (samples == -FULL_SCALE)))
        self.n_samples += len(samples)
        self._count_levels(samples)
        self._compare_spectra(samples)
        content = samples.astype("<i2", copy=False).tobytes()
        self._digest.update(content)
        return content

    def finish(self) -> Measures:
        """Return the measures of the whole recording, which is not all zeros."""
        rest = self._framed.astype(np.int64)
        total, squares = self._total + int(rest.sum()), self._squares + int(rest @ rest)
        reached = np.cumsum(self._levels)
        count = max(int(reached[-1]), 1)
        floor, loud = (
            LOWEST_DBFS + int(np.searchsorted(reached, share * count)) for share in (FLOOR_SHARE, LOUD_SHARE)
        )
        return Measures(
            samples=self.n_samples,
            sha256=self._digest.hexdigest(),
            peak_dbfs=round(20 * math.log10(self.peak / FULL_SCALE), 2),
            rms_dbfs=round(10 * math.log10(squares / self.n_samples / FULL_SCALE**2), 2),
            clipped=round(self._clipped / self.n_samples, 6),
            dc_offset=round(total / self.n_samples / FULL_SCALE, 6),
            bandwidth_hz=self._bandwidth(),
            noise_floor_dbfs=float(floor),
            modulation_db=float(loud - floor),
            tonality=self._tonality(),
        )

    def _count_levels(self, samples: Samples) -> None:
        """Count frames by their power without DC offset."""
        framed = np.concatenate([self._framed, samples]) if len(self._framed) else samples
        whole = len(framed) // self._frame * self._frame
        frames = framed[:whole].reshape(-1, self._frame).astype(np.int64)
        totals, squares = frames.sum(axis=1), np.einsum("ij,ij->i", frames, frames)
        powers = (squares - totals * totals / self._frame) / self._frame / FULL_SCALE**2
        self._levels += np.bincount(np.searchsorted(LEVELS, powers), minlength=len(self._levels))
        self._total += int(totals.sum())
        self._squares += int(squares.sum())
        self._framed = framed[whole:].copy()

    def _compare_spectra(self, samples: Samples) -> None:
        """Add the spectra of pairs of windows and the correlation of each pair."""
        self._held = np.concatenate([self._held, samples]) if len(self._held) else samples
        end = self._held_from + len(self._held) - (LAG + 1) * self._window
        starts = []
        while self._next <= end:
            starts.append(self._next - self._held_from)
            self._pairs += 1
            self._next += (STRIDE if self._pairs < DENSE_PAIRS else SPARSE_STRIDE) * self._window
        if starts:
            places = np.add.outer((0, LAG * self._window), starts).ravel()  # all first windows, then all second ones
            spectra = rfft(sliding_window_view(self._held, self._window)[places] * self._hann, axis=1)
            powers = np.square(spectra.real) + np.square(spectra.imag)
            self._power += powers.sum(axis=0)
            first, last = (round(edge * self._window / self._sample_rate) for edge in TONES_HZ)
            logs = np.log(powers[:, first:last] + np.float32(10 * self._rounding))
            fine = logs - uniform_filter1d(logs, ENVELOPE_BINS, axis=1, output=np.float64, mode="nearest")
            ones, others = np.split(fine / (np.linalg.norm(fine, axis=1, keepdims=True) + 1e-9), 2)
            total = powers.sum(axis=1).reshape(2, -1)
            self._tones.append(np.stack([np.sum(ones * others, axis=1), total.min(axis=0), total.max(axis=0)]))
        drop = min(self._next - self._held_from, len(self._held))
        self._held, self._held_from = self._held[drop:].copy(), self._held_from + drop

    def _bandwidth(self) -> float:
        bins = round(BAND_HZ * self._window / self._sample_rate)
        whole = (len(self._power) - 1) // bins
        bands = self._power[1 : whole * bins + 1].reshape(whole, bins).mean(axis=1) / max(2 * self._pairs, 1)
        used = np.flatnonzero((bands > 4 * self._rounding) & (bands > bands.max() * 10 ** (-BANDWIDTH_DB / 10)))
        return float((used[-1] + 1) * BAND_HZ) if len(used) else 0.0

    def _tonality(self) -> float:
        if not self._tones:
            return 0.0
        alike, fainter, louder = np.concatenate(self._tones, axis=1)
        loud = fainter >= LOUD * np.median(louder)
        return round(float(np.mean(alike[loud])), 3) if loud.any() else 0.0


def measure(
    blocks: Iterable[Samples],
    write: Callable[[bytes], None],
    sample_rate: int,
    min_duration: float,
    listen: Callable[[Samples], None] = lambda samples: None,
) -> Measures:
    """Write and measure the samples of a recording.

    Parameters
    ----------
    write
        Receives all samples as 16-bit little-endian bytes, block by block.
    min_duration
        Seconds; a shorter recording is rejected.
    listen
        Receives all samples, block by block.

    Raises
    ------
    AudioError
        ``too_short``, ``too_long`` or ``silent``.
    """
    meter = Meter(sample_rate)
    for samples in blocks:
        write(meter.accept(samples))
        listen(samples)
        if meter.n_samples > MAX_SAMPLES:
            raise AudioError("too_long", f"is over {MAX_SAMPLES / sample_rate / 3600:.0f} hours long; cut it")
    if meter.n_samples < min_duration * sample_rate:
        lasts = meter.n_samples / sample_rate
        raise AudioError("too_short", f"lasts {lasts:.3f} s, less than audio.min_duration {min_duration} s")
    if meter.peak == 0:
        raise AudioError("silent", "holds nothing but zeros; record it again")
    return meter.finish()
