"""The 16-bit mono WAV that ingest writes of every recording: written once, every block checked when it is read."""

import hashlib
import math
import wave
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from pipeline import audio
from pipeline.audio import FULL_SCALE, Samples
from pipeline.errors import ArtifactError, AudioError
from pipeline.tables import Recording

HEADER = 44  # bytes before the samples
LONGEST = 2**31 - 64  # samples, as a WAV file's length in bytes has 32 bits
BLOCK = 1 << 18  # samples that share a checksum: 16 s at 16 kHz
HEX = 8  # digits of a checksum


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
                self._sums.append(_hex(self._sum))
                self._sum = 0
        return content

    @property
    def crc32c(self) -> str:
        return "".join([*self._sums, *([_hex(self._sum)] if self.samples % BLOCK else [])])


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
    decoded = audio.decode(source)
    try:
        with wave.open(str(target), "wb") as sink:  # libsndfile would sync every file to the disk, at several ms each
            sink.setparams((1, 2, sample_rate, 0, "NONE", ""))
            for samples in audio.resampled(decoded.blocks, decoded.sample_rate, sample_rate):
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


@dataclass(frozen=True)
class Wav:
    """A recording as ingest wrote it.

    Attributes
    ----------
    path
        The WAV file.
    name
        The recording's path in the corpus, for messages.
    samples
        Its length.
    sha256, crc32c
        Checksums of its samples: of all of them, and of every block.
    """

    path: Path
    name: str
    samples: int
    sha256: str
    crc32c: str

    @classmethod
    def of(cls, row: Recording, folder: Path) -> "Wav":
        """The WAV of a recording in the folder that ingest wrote."""
        return cls(folder / f"{row.recording}.wav", row.path, row.samples, row.sha256, row.crc32c)


class Reader:
    """Samples of a WAV that ingest wrote, every block of them checked; threads may share it."""

    def __init__(self, wav: Wav) -> None:
        self._wav = wav
        self._last: tuple[int, Samples] = (-1, np.zeros(0, np.int16))  # slices that follow each other share a block

    def __call__(self, start: int, stop: int) -> Samples:
        """Samples start:stop, fewer at the end; shape (samples,).

        Raises
        ------
        ArtifactError
            If a block of them is missing or not what ingest wrote.
        """
        stop = min(stop, self._wav.samples)
        if start >= stop:
            return np.zeros(0, np.int16)
        first, last = start // BLOCK, (stop - 1) // BLOCK
        number, block = self._last
        parts = [block] if number == first else []
        fresh = first + len(parts)
        if fresh <= last:
            parts.append(self._blocks(fresh, last))
            self._last = last, parts[-1][(last - fresh) * BLOCK :]
        samples = np.concatenate(parts) if len(parts) > 1 else parts[0]
        return samples[start - first * BLOCK : stop - first * BLOCK]

    def _blocks(self, first: int, last: int) -> Samples:
        """Whole blocks first..last, checked."""
        wav = self._wav
        start, stop = first * BLOCK, min((last + 1) * BLOCK, wav.samples)
        try:
            # Four times as fast as opening it with libsndfile, which counts if there are many short recordings.
            samples = np.fromfile(wav.path, "<i2", stop - start, offset=HEADER + 2 * start)
        except OSError as error:
            raise self._damaged(f"can't be read, {error.strerror}") from None
        if len(samples) < stop - start:
            raise self._damaged("ends too early")
        for block in range(first, last + 1):
            content = samples[(block - first) * BLOCK : (block - first + 1) * BLOCK].tobytes()
            if _hex(google_crc32c.value(content)) != wav.crc32c[HEX * block : HEX * (block + 1)]:
                raise self._damaged(f"block {block} of {BLOCK} samples was altered")
        return samples

    def _damaged(self, how: str) -> ArtifactError:
        return ArtifactError(
            f"{self._wav.path}, the audio of {self._wav.name!r}, is not what ingest wrote ({how}); "
            "delete artifacts/audio and run `dvc repro`"
        )


def _hex(checksum: int) -> str:
    return f"{checksum:0{HEX}x}"
