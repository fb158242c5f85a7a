"""Containers: WAV files that hold the recordings of a part back to back, each beside a file of checksums.

Of every recording, name.json holds the checksum of each block of `BLOCK_SAMPLES`, by its first sample in name.wav.
"""

import json
import struct
import uuid
from pathlib import Path

import google_crc32c

from pipeline import files

HEADER_BYTES = 44  # before the samples
BLOCK_SAMPLES = 1 << 18  # per checksum: 16 s at 16 kHz
BLOCK_BYTES = 2 * BLOCK_SAMPLES


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
        chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, self._sample_rate, 2 * self._sample_rate, 2, 16)
        size = min(self._bytes, 2**32 - 1 - 36)  # players read the first 37 hours at 16 kHz, this package everything
        self._file.seek(0)
        self._file.write(
            struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + chunk + struct.pack("<4sI", b"data", size)
        )
        self._file.close()
        Path(self._file.name).replace(self._path)
        files.replace(beside(self._path), json.dumps(self._checksums).encode())


def beside(path: Path) -> Path:
    """Return the file of checksums of a container."""
    return path.with_suffix(".json")
