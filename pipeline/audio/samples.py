"""Samples in memory: 16-bit and floating point, decoded blocks, and slices of a recording."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Samples, Sound, Waveform

Block = NDArray[np.int16] | NDArray[np.float32]
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


@dataclass(frozen=True)
class Decoded:
    """A recording whose header was read.

    Attributes
    ----------
    sample_rate, channels, format
        As in the file; the format has libsndfile's name, such as ``WAV/PCM_16``.
    blocks
        Blocks of shape (frames, channels), decoded on demand: the samples of a 16-bit file as they are, otherwise
        floating point with full scale ±1.
    """

    sample_rate: int
    channels: int
    format: str
    blocks: Iterator[Block]

    @property
    def mono(self) -> Iterator[Waveform]:
        """Return the blocks as the mean of their channels, each of shape (frames,)."""
        return (to_waveform(mono(block)) for block in self.blocks)


def mono(block: Block, channel: int = 0) -> Sound:
    """Return one channel of a block, counted from 1; 0: the mean of all channels, in floating point.

    >>> block = np.array([[1.0, 0.5]], np.float32)
    >>> mono(block), mono(block, 2)
    (array([0.75], dtype=float32), array([0.5], dtype=float32))
    """
    if channel or block.shape[1] == 1:
        return np.require(block[:, max(channel - 1, 0)], requirements="C")
    mean: Waveform = to_waveform(block).mean(axis=1, dtype=np.float32)
    return mean
