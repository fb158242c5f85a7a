"""Landmarks of speech: its spectrum at the maxima of its envelope, which survive another level, codec, rate and noise.

The times come from the signal, not from a grid of frames: copies are analysed at the same places, whatever is cut off
before them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 3200  # approximate rate of the analysed signal
TICK = 25  # samples at that rate, 8 ms


@dataclass(frozen=True)
class Landmarks:
    """Maxima of a recording's envelope, in order of time.

    Attributes
    ----------
    ticks
        Times, shape (landmarks,), in units of `tick_s`.
    bins
        The strongest bin of the spectrum in every band, shape (landmarks, bands); 0 if the band is weak.
    levels
        Powers of the envelope in steps of 3 dB, shape (landmarks,).
    length
        Ticks of the whole recording.
    """

    ticks: NDArray[np.int32]
    bins: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    length: int


def tick_s(sample_rate: int) -> float:
    """Return the seconds per tick for recordings at `sample_rate` Hz.

    >>> tick_s(16000)
    0.0078125
    """
    return TICK * factor(sample_rate) / sample_rate


def factor(sample_rate: int) -> int:
    """Return the number of samples that are summed to one sample of the analysed signal."""
    return max(1, round(sample_rate / RATE_HZ))
