"""Any recording to 16-bit mono WAV at one rate: decoded once, measured and written."""

import hashlib
import math
import wave
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from pipeline.audio.decode import decode
from pipeline.audio.resample import resampled
from pipeline.audio.samples import FULL_SCALE, Samples
from pipeline.audio.wav import BLOCK, hex_digits
from pipeline.errors import AudioError

LONGEST = 2**31 - 64  # samples, as a WAV file's length in bytes has 32 bits


@dataclass(frozen=True)
class Measures:
    """Measures of a recording, under the names of the columns of ingest/recordings.csv."""

    samples: int
    sample_rate: int
    channels: int
    format: str
    sha256: str
    crc32c: str
    peak_dbfs: float
    rms_dbfs: float
    clipped: float
    dc_offset: float


class _Meter:
    """Running sums of a recording."""

    def __init__(self) -> None:
        self.samples = self.peak = self.total = self.squares = self.clipped = 0
        self.digest = hashlib.sha256()
        self._sums: list[str] = []  # of whole blocks
        self._sum = 0  # of the block that is being filled

    def accept(self, samples: Samples) -> bytes:
        """Count more samples; give back their bytes."""
        wide = samples.astype(np.int64)
        self.peak = max(self.peak, int(np.abs(wide).max(initial=0)))
        self.total += int(wide.sum())
        self.squares += int(wide @ wide)
        self.clipped += int(np.count_nonzero((wide >= FULL_SCALE - 1) | (wide == -FULL_SCALE)))
        content = samples.astype("<i2", copy=False).tobytes()
        self.digest.update(content)
        rest = content
        while rest:
            room = 2 * (BLOCK - self.samples % BLOCK)
            part, rest = rest[:room], rest[room:]
            self._sum = google_crc32c.extend(self._sum, part)
            self.samples += len(part) // 2
            if self.samples % BLOCK == 0:
                self._sums.append(hex_digits(self._sum))
                self._sum = 0
        return content

    @property
    def crc32c(self) -> str:
        return "".join([*self._sums, *([hex_digits(self._sum)] if self.samples % BLOCK else [])])


def convert(source: Path, target: Path, sample_rate: int, min_duration: float) -> Measures:
    """Decode a recording once, measure it and write it as 16-bit mono WAV.

    Parameters
    ----------
    min_duration
        Seconds; a shorter recording is refused.

    Raises
    ------
    AudioError
        As `audio.decode`, and ``too_short``, ``too_long`` or ``silent``. Then no file is left at `target`.
    """
    meter = _Meter()
    decoded = decode(source)
    try:
        with wave.open(str(target), "wb") as sink:  # libsndfile would sync every file to the disk, at several ms each
            sink.setparams((1, 2, sample_rate, 0, "NONE", ""))
            for samples in resampled(decoded.blocks, decoded.sample_rate, sample_rate):
                sink.writeframesraw(meter.accept(samples))
                if meter.samples > LONGEST:
                    raise AudioError("too_long", f"is over {LONGEST / sample_rate / 3600:.0f} hours long; cut it")
        if meter.samples < min_duration * sample_rate:
            lasts = meter.samples / sample_rate
            raise AudioError("too_short", f"lasts {lasts:.3f} s, less than audio.min_duration {min_duration} s")
        if meter.peak == 0:
            raise AudioError("silent", "holds nothing but zeros; record it again")
    except AudioError:
        target.unlink(missing_ok=True)
        raise
    return Measures(
        samples=meter.samples,
        sample_rate=decoded.sample_rate,
        channels=decoded.channels,
        format=decoded.format,
        sha256=meter.digest.hexdigest(),
        crc32c=meter.crc32c,
        peak_dbfs=round(20 * math.log10(meter.peak / FULL_SCALE), 2),
        rms_dbfs=round(10 * math.log10(meter.squares / meter.samples / FULL_SCALE**2), 2),
        clipped=round(meter.clipped / meter.samples, 6),
        dc_offset=round(meter.total / meter.samples / FULL_SCALE, 6),
    )
