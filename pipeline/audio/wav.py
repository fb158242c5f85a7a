"""Containers: WAV files that hold the recordings of a part back to back, each beside a file of checksums.

Of every recording, name.json holds the checksum of each block of `BLOCK_SAMPLES`, by its first sample in name.wav.
"""

import difflib
import functools
import json
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from pipeline import files, tables
from pipeline.arrays import Samples
from pipeline.console.text import brief
from pipeline.errors import ArtifactError
from pipeline.rows import RecordingRow

HEADER_BYTES = 44  # before the samples
BLOCK_SAMPLES = 1 << 18  # per checksum: 16 s at 16 kHz
BLOCK_BYTES = 2 * BLOCK_SAMPLES


def beside(path: Path) -> Path:
    """Return the file of checksums of a container."""
    return path.with_suffix(".json")


class Container:
    """Write a container, recording by recording; `close` completes it.

    Parameters
    ----------
    path
        None: nothing is written.
    """

    def __init__(self, path: Path | None, sample_rate: int) -> None:
        self._path = path
        self._sample_rate = sample_rate
        # A new name every time: a frozen worker may continue to write while another repeats its task. libsndfile would
        # sync every file to the disk, which takes several ms.
        self._file = path.with_name(f".{uuid.uuid4().hex}.partial").open("wb") if path else None
        if self._file:
            self._file.write(bytes(HEADER_BYTES))
        self._checksums: dict[int, list[int]] = {}
        self._bytes = self._first = 0

    def begin(self) -> None:
        """Begin with the next recording."""
        self._first = self._bytes
        self._checksums[self._first // 2] = []

    def write(self, content: bytes) -> None:
        """Append 16-bit samples to the recording."""
        blocks, at = self._checksums[self._first // 2], 0
        while at < len(content):
            filled = (self._bytes - self._first) % BLOCK_BYTES
            part = content[at : at + BLOCK_BYTES - filled]
            blocks.append(google_crc32c.extend(blocks.pop() if filled else 0, part))
            at += len(part)
            self._bytes += len(part)
        if self._file:
            self._file.write(content)

    def place(self) -> tuple[int, int]:
        """Return the first sample and the number of samples of the recording so far."""
        return self._first // 2, (self._bytes - self._first) // 2

    def take_back(self) -> None:
        """Remove the recording."""
        del self._checksums[self._first // 2]
        self._bytes = self._first
        if self._file:
            self._file.seek(HEADER_BYTES + self._bytes)
            self._file.truncate()

    def close(self) -> None:
        """Write the header and the checksums."""
        if not self._file or not self._path:
            return
        size = min(self._bytes, 2**32 - 1 - 36)  # players read the first 37 hours at 16 kHz, this package everything
        chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, self._sample_rate, 2 * self._sample_rate, 2, 16)
        self._file.seek(0)
        self._file.write(struct.pack("<4sI4s24s4sI", b"RIFF", 36 + size, b"WAVE", chunk, b"data", size))
        self._file.close()
        Path(self._file.name).replace(self._path)
        files.replace(beside(self._path), json.dumps(self._checksums).encode())


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
        """Return a recording in the folder that ingest wrote."""
        return cls(folder / row.file, row.path, row.samples, row.sha256, row.first_sample)


class Reader:
    """Reads checked samples of a recording that ingest wrote; threads may share it."""

    def __init__(self, wav: Wav) -> None:
        self._wav = wav
        self._block = functools.lru_cache(1)(functools.partial(_block, wav))  # consecutive slices share a block

    def __call__(self, start: int, stop: int) -> Samples:
        """Return samples start:stop, fewer at the end; shape (samples,).

        Raises
        ------
        ArtifactError
            If one of their blocks is missing or altered.
        """
        stop = min(stop, self._wav.n_samples)
        if start >= stop:
            return np.zeros(0, np.int16)
        first, last = start // BLOCK_SAMPLES, (stop - 1) // BLOCK_SAMPLES
        blocks = [self._block(number) for number in range(first, last + 1)]
        whole = np.concatenate(blocks) if last > first else blocks[0]
        return whole[start - first * BLOCK_SAMPLES : stop - first * BLOCK_SAMPLES]


def _block(wav: Wav, number: int) -> Samples:
    """Read a block of a recording and compare it with its checksum."""

    def damaged(how: str) -> ArtifactError:
        return ArtifactError(
            f"{wav.path}, the audio of {wav.name!r}, is not what ingest wrote ({how}); "
            "delete artifacts/audio and run `dvc repro`"
        )

    start = number * BLOCK_SAMPLES
    count = min(BLOCK_SAMPLES, wav.n_samples - start)
    try:
        # Four times as fast as opening it with libsndfile, which matters for many short recordings.
        samples = np.fromfile(wav.path, "<i2", count, offset=HEADER_BYTES + 2 * (wav.first + start))
    except OSError as error:
        raise damaged(f"can't be read, {error.strerror}") from error
    try:
        checksums = _checksums(wav.path, beside(wav.path).stat().st_mtime_ns)[str(wav.first)]
        same = checksums[number] == google_crc32c.value(samples.tobytes())
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise damaged(f"{beside(wav.path).name} can't be read") from error
    if len(samples) < count or not same:
        raise damaged(f"block {number} of {BLOCK_SAMPLES} samples differs from {beside(wav.path).name}")
    return samples


@functools.lru_cache(64)
def _checksums(path: Path, _: int) -> dict[str, list[int]]:
    """Read the checksums beside a container, which were last changed at this time."""
    found: dict[str, list[int]] = json.loads(beside(path).read_text())
    return found


def find(recording: str) -> tuple[Samples, int]:
    """Return all samples of a recording, shape (samples,), by its id in artifacts/, and its sample rate in Hz.

    Raises
    ------
    ArtifactError
        If ingest has written no such recording, or it is altered.
    """
    artifacts, ids = Path("artifacts"), []
    table = artifacts / "ingest" / "recordings.csv"
    for row in tables.scan(table, RecordingRow):
        if row.recording == recording:
            wav = Wav.of(row, artifacts / "audio")
            return Reader(wav)(0, wav.n_samples), round(row.samples / row.duration_s)
        ids.append(row.recording)
    close = difflib.get_close_matches(recording, ids, 1, 0)
    such = f", such as {close[0]}" if close else ""
    raise ArtifactError(f"{table} has no recording {brief(recording)}; its first column has the ids{such}")
