"""Recordings as 16-bit mono samples at one rate: decoded by libsndfile, resampled by soxr, block by block.

A block-wise soxr stream gives the same samples, bit for bit, whatever the size of the blocks, so that a live stream
hears what `convert` wrote.
"""

import hashlib
import math
import os
import re
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from pipeline.errors import AudioError

Samples = NDArray[np.int16]
Read = Callable[[int, int], Samples]  # gives samples start:stop of a recording, fewer at its end
BLOCK = 1 << 18  # frames decoded at a time: 16 s at 16 kHz, 1 MB a channel
FULL_SCALE = 32768
SLOWEST, FASTEST = 4000, 768_000  # Hz, of a source: what is used for speech and more
UNKNOWN_LENGTH = 0x7FFFF000  # programs that write WAV to a pipe claim this many bytes, or more
LONGEST = 2**31 - 64  # samples of a WAV file, whose length in bytes has 32 bits
HEADER = 44  # bytes before the samples of a file that `convert` writes


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


@dataclass(frozen=True)
class Measures:
    """What one pass over a recording tells."""

    samples: int
    sample_rate: int
    channels: int
    format: str
    sha256: str
    peak_dbfs: float
    rms_dbfs: float
    clipped: float
    dc_offset: float


class _Meter:
    """Running sums of a recording."""

    def __init__(self) -> None:
        self.samples = self.peak = self.total = self.squares = self.clipped = 0
        self.digest = hashlib.sha256()

    def accept(self, block: Samples) -> None:
        wide = block.astype(np.int64)
        self.samples += len(wide)
        self.peak = max(self.peak, int(np.abs(wide).max(initial=0)))
        self.total += int(wide.sum())
        self.squares += int(wide @ wide)
        self.clipped += int(np.count_nonzero((wide >= FULL_SCALE - 1) | (wide == -FULL_SCALE)))
        self.digest.update(block.astype("<i2", copy=False).tobytes())


def decode(path: Path) -> tuple[int, Iterator[NDArray[np.float32]]]:
    """Decode a file of any format, rate and number of channels that libsndfile reads.

    Returns
    -------
    Its sample rate, and its channels' mean in blocks of shape (frames,), full scale ±1.

    Raises
    ------
    AudioError
        ``missing``, ``unreadable`` or ``sample_rate``; the blocks also raise ``truncated`` and ``not_finite``.
    """
    source = _open(path)
    if not SLOWEST <= source.samplerate <= FASTEST:
        raise AudioError(
            "sample_rate", f"claims {source.samplerate} Hz, {SLOWEST} to {FASTEST} are allowed; resample it"
        )
    return source.samplerate, _mono(source)


def _mono(source: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    with source:
        decoded = 0
        while True:
            try:
                block = source.read(BLOCK, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError("unreadable", f"breaks off after {decoded} frames ({error}); copy it again") from None
            if not np.isfinite(block).all():
                raise AudioError("not_finite", "holds samples that are NaN or infinite; write it again")
            if not len(block):
                break
            decoded += len(block)
            yield np.clip(block, -1, 1).mean(axis=1, dtype=np.float32)
        if decoded < source.frames or _cut_short(source):
            raise AudioError("truncated", f"ends after {decoded} frames, its header promises more; copy it again")


def resampled(blocks: Iterable[NDArray[np.float32]], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """Blocks of a whole recording as 16-bit samples at another rate."""
    resampler = Resampler(rate_in, rate_out)
    for block in blocks:
        yield resampler.accept(block)
    yield resampler.finish()


def convert(source: Path, target: Path, sample_rate: int, min_duration: float) -> Measures:
    """Decode a recording once, measure it and write it as 16-bit mono WAV.

    Parameters
    ----------
    min_duration
        Seconds; a shorter recording is refused.

    Raises
    ------
    AudioError
        As `decode`, and ``too_short``, ``too_long`` or ``silent``. Then no file is left at `target`.
    """
    meter = _Meter()
    rate, blocks = decode(source)
    try:
        with wave.open(str(target), "wb") as sink:  # libsndfile would sync every file to the disk, at several ms each
            sink.setparams((1, 2, sample_rate, 0, "NONE", ""))
            for block in resampled(blocks, rate, sample_rate):
                meter.accept(block)
                if meter.samples > LONGEST:
                    raise AudioError("too_long", f"is over {LONGEST / sample_rate / 3600:.0f} hours long; cut it")
                sink.writeframesraw(block.astype("<i2", copy=False).tobytes())
        if meter.samples < min_duration * sample_rate:
            lasts = meter.samples / sample_rate
            raise AudioError("too_short", f"lasts {lasts:.3f} s, less than audio.min_duration {min_duration} s")
        if meter.peak == 0:
            raise AudioError("silent", "holds nothing but zeros; record it again")
    except AudioError:
        target.unlink(missing_ok=True)
        raise
    with _open(source) as header:
        return Measures(
            samples=meter.samples,
            sample_rate=header.samplerate,
            channels=header.channels,
            format=f"{header.format}/{header.subtype}",
            sha256=meter.digest.hexdigest(),
            peak_dbfs=round(20 * math.log10(meter.peak / FULL_SCALE), 2),
            rms_dbfs=round(10 * math.log10(meter.squares / meter.samples / FULL_SCALE**2), 2),
            clipped=round(meter.clipped / meter.samples, 6),
            dc_offset=round(meter.total / meter.samples / FULL_SCALE, 6),
        )


def duration(path: Path) -> float:
    """Seconds that the header of a file of any format claims; AudioError where libsndfile can't open it."""
    with _open(path) as source:
        return float(source.frames / source.samplerate)


def read(path: Path, start: int = 0, stop: int | None = None) -> Samples:
    """Samples start:stop of a file that `convert` wrote, shape (samples,)."""
    # Four times as fast as opening it with libsndfile, which counts where there are many short recordings.
    return np.fromfile(path, "<i2", -1 if stop is None else stop - start, offset=HEADER + 2 * start)


def held(samples: Samples) -> Read:
    """A recording that is in memory, read like one that is not."""
    return lambda start, stop: samples[start:stop]


def _open(path: Path) -> soundfile.SoundFile:
    if not path.is_file():
        raise AudioError("missing", "is not a file; check its name")
    try:
        return soundfile.SoundFile(os.fsencode(path))  # any bytes that a file system takes for a name
    except (soundfile.LibsndfileError, OSError, TypeError):  # TypeError: headerless formats need a rate
        raise AudioError("unreadable", "is not audio that libsndfile reads; convert it to WAV or FLAC") from None


def _cut_short(source: soundfile.SoundFile) -> bool:
    """Whether a header claims more bytes than the file has: libsndfile notes it and quietly believes the file."""
    notes = re.findall(r":\s*(\d+) \(should be (\d+)\)", source.extra_info)
    return any(int(actual) + 1 < int(claimed) < UNKNOWN_LENGTH for claimed, actual in notes)
