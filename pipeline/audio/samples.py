"""Samples in memory: their types, full scale, and slices of a recording that is or is not in memory."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Read = Callable[[int, int], Samples]  # gives samples start:stop of a recording, fewer at its end
FULL_SCALE = 32768


def held(samples: Samples) -> Read:
    """A recording that is in memory, read like one that is not."""
    return lambda start, stop: samples[start:stop]
