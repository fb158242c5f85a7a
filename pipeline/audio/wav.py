"""Read recordings from the containers that ingest wrote, and check every block against its checksum."""

import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from pipeline import tables
from pipeline.arrays import Samples
from pipeline.audio.container import BLOCK_SAMPLES, HEADER_BYTES, beside
from pipeline.console.text import brief
from pipeline.errors import ArtifactError
from pipeline.rows import RecordingRow


@dataclass(frozen=True)
class Wav:
    """A recording as ingest wrote it.

    Attributes
    ----------
    path
        The container, a 16-bit mono WAV file.
    name
        The path in the corpus, for messages.
    n_samples
        Its length.
    sha256
        Checksum of all samples.
    first
        Its first sample in the container.
    """

    path: Path
    name: str
    n_samples: int
    sha256: str
    first: int = 0

    @classmethod
    def of(cls, row: RecordingRow, folder: Path) -> "Wav":
        """A recording in the folder that ingest wrote."""
        return cls(folder / row.file, row.path, row.samples, row.sha256, row.first_sample)


class Reader:
    """Reads checked samples of a recording that ingest wrote; threads may share it."""

    def __init__(self, wav: Wav) -> None:
        self._wav = wav
        self._last: tuple[int, Samples] = (-1, np.zeros(0, np.int16))  # consecutive slices share a block

    def __call__(self, start: int, stop: int) -> Samples:
        """Samples start:stop, fewer at the end; shape (samples,).

        Raises
        ------
        ArtifactError
            If one of their blocks is missing or altered.
        """
        stop = min(stop, self._wav.n_samples)
        if start >= stop:
            return np.zeros(0, np.int16)
        first, last = start // BLOCK_SAMPLES, (stop - 1) // BLOCK_SAMPLES
        number, block = self._last
        parts = [block] if number == first else []
        fresh = first + len(parts)
        if fresh <= last:
            parts.append(self._blocks(fresh, last))
            self._last = last, parts[-1][(last - fresh) * BLOCK_SAMPLES :]
        samples = np.concatenate(parts) if len(parts) > 1 else parts[0]
        return samples[start - first * BLOCK_SAMPLES : stop - first * BLOCK_SAMPLES]

    def _blocks(self, first: int, last: int) -> Samples:
        """Whole blocks first..last, checked."""
        wav = self._wav
        start, stop = first * BLOCK_SAMPLES, min((last + 1) * BLOCK_SAMPLES, wav.n_samples)
        try:
            # Four times as fast as opening it with libsndfile, which matters for many short recordings.
            samples = np.fromfile(wav.path, "<i2", stop - start, offset=HEADER_BYTES + 2 * (wav.first + start))
        except OSError as error:
            raise self._damaged(f"can't be read, {error.strerror}") from error
        if len(samples) < stop - start:
            raise self._damaged("ends too early")
        try:
            expected = _checksums(wav.path, beside(wav.path).stat().st_mtime_ns)[str(wav.first)]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise self._damaged(f"{beside(wav.path).name} can't be read") from error
        for block in range(first, last + 1):
            at = (block - first) * BLOCK_SAMPLES
            checksum = google_crc32c.value(samples[at : at + BLOCK_SAMPLES].tobytes())
            if expected[block : block + 1] != [checksum]:
                raise self._damaged(f"block {block} of {BLOCK_SAMPLES} samples differs from {beside(wav.path).name}")
        return samples

    def _damaged(self, how: str) -> ArtifactError:
        return ArtifactError(
            f"{self._wav.path}, the audio of {self._wav.name!r}, is not what ingest wrote ({how}); "
            "delete artifacts/audio and run `dvc repro`"
        )


@functools.lru_cache(64)
def _checksums(path: Path, _: int) -> dict[str, list[int]]:
    """Read the checksums beside a container, which were last changed at this time."""
    found: dict[str, list[int]] = json.loads(beside(path).read_text())
    return found


def find(recording: str, artifacts: Path = Path("artifacts")) -> tuple[Wav, int]:
    """A recording by its id, in the folder that the stages write, and its sample rate in Hz.

    Raises
    ------
    ArtifactError
        If ingest has written no such recording.
    """
    table = artifacts / "ingest" / "recordings.csv"
    ids = []
    for row in tables.scan(table, RecordingRow):
        if row.recording == recording:
            wav = Wav.of(row, artifacts / "audio")
            return wav, round(row.samples / row.duration_s)
        ids.append(row.recording)
    close = difflib.get_close_matches(recording, ids, 1, 0)
    raise ArtifactError(
        f"{table} has no recording {brief(recording)}; its first column has the ids"
        + (f", such as {close[0]}" if close else "")
    )


def samples_of(recording: str, artifacts: Path = Path("artifacts")) -> Samples:
    """All samples of a recording by its id, shape (samples,), checked; ArtifactError as `find` and `Reader`."""
    wav, _ = find(recording, artifacts)
    return Reader(wav)(0, wav.n_samples)
