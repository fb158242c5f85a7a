"""Decoded audio, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Sound, Waveform
from pipeline.audio.samples import to_waveform

Block = NDArray[np.int16] | NDArray[np.float32]


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
