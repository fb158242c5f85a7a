"""Decoded audio, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Waveform


@dataclass(frozen=True)
class Decoded:
    """A recording whose header was read.

    Attributes
    ----------
    sample_rate, channels, format
        As in the file; the format has libsndfile's name, such as ``WAV/PCM_16``.
    blocks
        Blocks of shape (frames, channels), full scale ±1, decoded on demand.
    """

    sample_rate: int
    channels: int
    format: str
    blocks: Iterator[NDArray[np.float32]]

    @property
    def mono(self) -> Iterator[Waveform]:
        """The blocks as the mean of their channels, each of shape (frames,)."""
        return (mono(block) for block in self.blocks)


def mono(block: NDArray[np.float32], channel: int = 0) -> Waveform:
    """One channel of a block, counted from 1; 0: the mean of all.

    >>> block = np.array([[1.0, 0.5]], np.float32)
    >>> mono(block), mono(block, 2)
    (array([0.75], dtype=float32), array([0.5], dtype=float32))
    """
    one = channel or block.shape[1] == 1
    waveform: Waveform = block[:, max(channel - 1, 0)] if one else block.mean(axis=1, dtype=np.float32)
    return waveform
