"""Measures of sound quality that distinguish speech from noise, tones, music and narrow bands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from pipeline.arrays import Samples
from pipeline.audio import compiled

FRAME_S = 0.02  # per level
LOWEST_DBFS = -100  # level of digital silence
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
class Quality:
    """Measures under the names of the columns of ingest/quality.csv.

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

    bandwidth_hz: float
    noise_floor_dbfs: float
    modulation_db: float
    tonality: float


class QualityMeter:
    """Measures a recording that arrives in blocks of any size."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._window = 2 * round(WINDOW_S * sample_rate / 2)
        self._hann = np.hanning(self._window + 1)[:-1].astype(np.float32)
        self._rounding = float(np.sum(self._hann**2)) / 12  # power of 16-bit rounding noise in each bin
        self._frame = round(FRAME_S * sample_rate)
        self._levels = np.zeros(-LOWEST_DBFS + 1, np.int64)  # frames by dB below full scale
        self._framed = np.zeros(0, np.int16)  # samples of an unfinished frame
        self._held, self._held_from = np.zeros(0, np.int16), 0  # samples that the next pairs may need
        self._pairs, self._next = 0, 0
        self._power = np.zeros(self._window // 2 + 1)
        self._tones: list[NDArray[np.float64]] = []  # correlation, lower and higher power of pairs

    def accept(self, samples: Samples) -> None:
        """Take more samples, shape (samples,)."""
        framed = np.concatenate([self._framed, samples]) if len(self._framed) else samples
        compiled.count_levels(framed, self._frame, self._levels)
        self._framed = framed[len(framed) // self._frame * self._frame :].copy()
        self._held = np.concatenate([self._held, samples]) if len(self._held) else samples
        starts = []
        end = self._held_from + len(self._held) - (LAG + 1) * self._window
        while self._next <= end:
            starts.append(self._next - self._held_from)
            self._pairs += 1
            self._next += (STRIDE if self._pairs < DENSE_PAIRS else SPARSE_STRIDE) * self._window
        if starts:
            self._compare(np.array(starts))
        drop = min(self._next - self._held_from, len(self._held))
        self._held, self._held_from = self._held[drop:].copy(), self._held_from + drop

    def finish(self) -> Quality:
        """Return the measures of the whole recording."""
        reached = np.cumsum(self._levels[::-1])  # from the faintest
        count = max(int(reached[-1]), 1)
        floor, loud = (
            LOWEST_DBFS + int(np.searchsorted(reached, share * count)) for share in (FLOOR_SHARE, LOUD_SHARE)
        )
        return Quality(self._bandwidth(), float(floor), float(loud - floor), self._tonality())

    def _compare(self, starts: NDArray[np.int64]) -> None:
        """Add the spectra of pairs of windows and the correlation of each pair."""
        places = np.concatenate([starts, starts + LAG * self._window])
        spectra = compiled.powers(rfft(compiled.windows(self._held, places, self._hann), axis=1))
        self._power += spectra.sum(axis=0)
        first, last = (round(edge * self._window / self._sample_rate) for edge in TONES_HZ)
        logs = np.log(spectra[:, first:last] + np.float32(10 * self._rounding))
        alike = compiled.correlations(logs, ENVELOPE_BINS)
        powers = spectra.sum(axis=1).reshape(2, -1)
        self._tones.append(np.stack([alike, powers.min(axis=0), powers.max(axis=0)]))

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
