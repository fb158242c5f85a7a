"""Measure a recording while it is written."""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import Samples
from pipeline.audio import compiled
from pipeline.audio.quality import QualityMeter
from pipeline.audio.samples import FULL_SCALE
from pipeline.errors import AudioError

Listen = Callable[[Samples], None]

MAX_SAMPLES = 2**31 - 2**28  # the length of a container in bytes has 32 bits, and others may come before it


@dataclass(frozen=True)
class Measures:
    """Measures of a recording, under the names of the columns of ingest/recordings.csv."""

    samples: int
    sha256: str
    peak_dbfs: float
    rms_dbfs: float
    clipped: float
    dc_offset: float
    bandwidth_hz: float
    noise_floor_dbfs: float
    modulation_db: float
    tonality: float


class _Meter:
    """Running sums of a recording."""

    def __init__(self) -> None:
        self.n_samples = self.peak = self.total = self.squares = self.clipped = 0
        self.digest = hashlib.sha256()

    def accept(self, samples: Samples) -> bytes:
        """Measure more samples; return their bytes."""
        low, high, total, squares = compiled.totals(samples)
        self.peak = max(self.peak, high, -low)
        self.total += total
        self.squares += squares
        if high == FULL_SCALE - 1 or low == -FULL_SCALE:
            self.clipped += int(np.count_nonzero((samples == FULL_SCALE - 1) | (samples == -FULL_SCALE)))
        self.n_samples += len(samples)
        content = samples.astype("<i2", copy=False).tobytes()
        self.digest.update(content)
        return content


def measure(
    blocks: Iterable[Samples],
    write: Callable[[bytes], None],
    sample_rate: int,
    min_duration: float,
    listen: Listen = lambda samples: None,
) -> Measures:
    """Write and measure the samples of a recording.

    Parameters
    ----------
    write
        Receives all samples as 16-bit little-endian bytes, block by block.
    min_duration
        Seconds; a shorter recording is rejected.
    listen
        Receives all samples, block by block.

    Raises
    ------
    AudioError
        ``too_short``, ``too_long`` or ``silent``.
    """
    meter, quality = _Meter(), QualityMeter(sample_rate)
    for samples in blocks:
        write(meter.accept(samples))
        quality.accept(samples)
        listen(samples)
        if meter.n_samples > MAX_SAMPLES:
            raise AudioError("too_long", f"is over {MAX_SAMPLES / sample_rate / 3600:.0f} hours long; cut it")
    if meter.n_samples < min_duration * sample_rate:
        lasts = meter.n_samples / sample_rate
        raise AudioError("too_short", f"lasts {lasts:.3f} s, less than audio.min_duration {min_duration} s")
    if meter.peak == 0:
        raise AudioError("silent", "holds nothing but zeros; record it again")
    return Measures(
        samples=meter.n_samples,
        sha256=meter.digest.hexdigest(),
        peak_dbfs=round(20 * math.log10(meter.peak / FULL_SCALE), 2),
        rms_dbfs=round(10 * math.log10(meter.squares / meter.n_samples / FULL_SCALE**2), 2),
        clipped=round(meter.clipped / meter.n_samples, 6),
        dc_offset=round(meter.total / meter.n_samples / FULL_SCALE, 6),
        **vars(quality.finish()),
    )
