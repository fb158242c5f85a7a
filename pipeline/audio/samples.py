"""Samples in memory: 16-bit and floating point, the conversion between them, and slices of a recording."""

from collections.abc import Callable

import numpy as np

from pipeline.arrays import Samples, Sound, Waveform

Read = Callable[[int, int], Samples]  # returns samples start:stop of a recording, fewer at its end

FULL_SCALE = 32768  # 16-bit steps


def to_waveform(sound: Sound) -> Waveform:
    """Convert 16-bit samples to floating point; exact, because full scale is a power of two. A waveform stays one.

    >>> to_waveform(np.array([-32768, 0, 16384], np.int16))
    array([-1. ,  0. ,  0.5], dtype=float32)
    """
    if sound.dtype == np.int16:
        return np.divide(sound, FULL_SCALE, dtype=np.float32)
    return np.asarray(sound, np.float32)


def to_samples(sound: Sound) -> Samples:
    """Round to 16 bits; anything beyond full scale is clipped. 16-bit samples stay as they are.

    >>> to_samples(np.array([-1.5, 0.5, 1.0], np.float32))
    array([-32768,  16384,  32767], dtype=int16)
    """
    if sound.dtype == np.int16:
        return np.asarray(sound, np.int16)
    scaled = sound * np.float32(FULL_SCALE)
    np.rint(scaled, out=scaled)  # in place: ingest spends a tenth of its time here otherwise
    np.maximum(np.minimum(scaled, FULL_SCALE - 1, out=scaled), -FULL_SCALE, out=scaled)
    return scaled.astype(np.int16)


def in_memory(samples: Samples) -> Read:
    """Return a reader of a recording in memory that works like that of one on disk."""
    return lambda start, stop: samples[start:stop]
