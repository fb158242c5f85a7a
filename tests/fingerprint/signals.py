"""Speech-like signals: harmonics of a gliding pitch, shaped by formants that change with every syllable."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Samples
from pipeline.fingerprint.landmarks import Landmarker
from pipeline.fingerprint.matching import Landmarks

RATE = 16000
N_HARMONICS = 20
GRID_S = 0.005  # of the tracks


def voice(seed: int, duration_s: float, rate: int = RATE) -> Samples:
    """Synthesise a voice that says something else for every seed."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, duration_s, GRID_S)
    ends = np.cumsum(rng.uniform(0.08, 0.25, int(duration_s / 0.08) + 2))

    def track(low: float, high: float) -> NDArray[np.float64]:
        """A value for every syllable, with transitions."""
        values = np.repeat(rng.uniform(low, high, len(ends)), 2)
        return np.asarray(np.interp(times, np.ravel([ends - 0.06, ends], "F"), values))

    pitch = track(100, 220)
    loudness = np.maximum(np.interp(times, ends, rng.uniform(-0.2, 1, len(ends))), 0)
    formants = track(250, 800), track(900, 1900), track(2200, 3000)
    at = np.arange(round(duration_s * rate)) / rate
    phase = np.cumsum(np.interp(at, times, pitch)) / rate
    sound = rng.standard_normal(len(at)) / 100
    for harmonic in range(1, N_HARMONICS + 1):
        gain = loudness * sum(np.exp(-np.square((harmonic * pitch - formant) / 120)) for formant in formants)
        sound += np.interp(at, times, gain) * np.sin(2 * np.pi * harmonic * phase)
    return np.asarray(np.rint(sound * 8000 / np.abs(sound).max()), np.int16)


def landmarks(samples: Samples, rate: int = RATE, cuts: Sequence[int] = ()) -> Landmarks:
    """Return the landmarks of a recording that arrives in blocks cut at these samples."""
    landmarker = Landmarker(rate)
    landmarker.start()
    for block in np.split(samples, sorted(cuts)):
        landmarker.accept(block)
    [found] = landmarker.finish()
    return found
