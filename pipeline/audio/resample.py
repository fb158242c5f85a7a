"""Resample sound at any rate to 16-bit samples at one rate, with soxr: the same bytes for blocks of any size."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from pipeline.arrays import Samples, Sound
from pipeline.audio.samples import to_samples, to_waveform

MIN_RATE_HZ, MAX_RATE_HZ = 4000, 768_000  # accepted rates of a source: wider than anything used for speech


class Resampler:
    """Resample a stream in blocks of any size."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._stream = None if rate_in == rate_out else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32")

    def accept(self, sound: Sound) -> Samples:
        """Take more audio, shape (frames,); return the samples that are ready, shape (samples,)."""
        return self._resample(sound, last=False)

    def finish(self) -> Samples:
        """Return the last samples."""
        return self._resample(np.zeros(0, np.float32), last=True)

    def _resample(self, sound: Sound, last: bool) -> Samples:
        if self._stream is not None:
            sound = self._stream.resample_chunk(to_waveform(sound), last=last)
        return to_samples(sound)


def resampled(blocks: Iterable[Sound], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """Resample the blocks of a whole recording."""
    resampler = Resampler(rate_in, rate_out)
    for block in blocks:
        yield resampler.accept(block)
    yield resampler.finish()
