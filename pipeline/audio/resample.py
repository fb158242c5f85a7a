"""Mono samples of any rate to 16 bits at one rate, by soxr: the same bytes whatever the size of the blocks."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from pipeline.audio.samples import FULL_SCALE, Samples

SLOWEST, FASTEST = 4000, 768_000  # Hz, of a source: what is used for speech and more


class Resampler:
    """Mono samples of any rate to 16 bits at one rate, in blocks of any size."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._stream = None if rate_in == rate_out else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32")

    def accept(self, mono: NDArray[np.float32]) -> Samples:
        """Take samples, shape (frames,), full scale ±1; give back what is ready, shape (samples,)."""
        return self._resample(mono, last=False)

    def finish(self) -> Samples:
        """What is still due once there are no more samples."""
        return self._resample(np.zeros(0, np.float32), last=True)

    def _resample(self, mono: NDArray[np.float32], last: bool) -> Samples:
        if self._stream is not None:
            mono = self._stream.resample_chunk(mono, last=last)
        return np.clip(np.rint(mono * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def resampled(blocks: Iterable[NDArray[np.float32]], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """Blocks of a whole recording as 16-bit samples at another rate."""
    resampler = Resampler(rate_in, rate_out)
    for block in blocks:
        yield resampler.accept(block)
    yield resampler.finish()
