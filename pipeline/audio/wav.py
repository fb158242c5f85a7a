"""The 16-bit mono WAV that ingest writes of every recording, every block checked when it is read."""

from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from pipeline.audio.samples import Samples
from pipeline.errors import ArtifactError
from pipeline.tables import RecordingRow

HEADER = 44  # bytes before the samples
BLOCK = 1 << 18  # samples that share a checksum: 16 s at 16 kHz
HEX = 8  # digits of a checksum


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
    def of(cls, row: RecordingRow, folder: Path) -> "Wav":
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
            if hex_digits(google_crc32c.value(content)) != wav.crc32c[HEX * block : HEX * (block + 1)]:
                raise self._damaged(f"block {block} of {BLOCK} samples was altered")
        return samples

    def _damaged(self, how: str) -> ArtifactError:
        return ArtifactError(
            f"{self._wav.path}, the audio of {self._wav.name!r}, is not what ingest wrote ({how}); "
            "delete artifacts/audio and run `dvc repro`"
        )


def hex_digits(checksum: int) -> str:
    return f"{checksum:0{HEX}x}"
