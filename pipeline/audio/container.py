"""Containers: WAV files that hold recordings back to back, so that a corpus of any size is a few playable files."""

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.audio.wav import HEADER_BYTES

FULL_S = 3600  # a recording that would begin later goes into the next container
COPIED_BYTES = 1 << 24  # at a time


@dataclass(frozen=True)
class Place:
    """The place of a recording: samples first:first+samples of a container."""

    path: Path
    first: int
    samples: int


class Writer:
    """Writes a container; `end` completes it."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path = path
        self.samples = 0
        self._sample_rate = sample_rate
        self._file = path.open("wb")  # libsndfile would sync every file to the disk, which takes several ms
        self._file.write(bytes(HEADER_BYTES))

    def write(self, content: bytes) -> None:
        """Append 16-bit samples."""
        self._file.write(content)
        self.samples += len(content) // 2

    def take_back(self, first: int) -> None:
        """Remove the samples from `first` on."""
        self._file.seek(HEADER_BYTES + 2 * first)
        self._file.truncate()
        self.samples = first

    def end(self) -> None:
        """Write the header; a container without samples is removed."""
        size = 2 * self.samples
        chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, self._sample_rate, 2 * self._sample_rate, 2, 16)
        self._file.seek(0)
        header = struct.pack("<4sI4s", b"RIFF", min(36 + size, 2**32 - 1), b"WAVE") + chunk
        self._file.write(header + struct.pack("<4sI", b"data", size))
        self._file.close()
        if not size:
            self.path.unlink()


class Rolling:
    """Writes recordings into one container after the other, each full after an hour.

    Parameters
    ----------
    folder, name
        The files are folder/name-0.wav, name-1.wav, ...
    """

    def __init__(self, folder: Path, name: str, sample_rate: int) -> None:
        self._folder, self._name, self._sample_rate = folder, name, sample_rate
        self._writers: list[Writer] = []
        self._first = 0

    def begin(self) -> None:
        """Begin with the next recording."""
        if not self._writers or is_full(self._writers[-1].samples, self._sample_rate):
            self.end()
            path = self._folder / f"{self._name}-{len(self._writers)}.wav"
            self._writers.append(Writer(path, self._sample_rate))
        self._first = self._writers[-1].samples

    def write(self, content: bytes) -> None:
        """Append 16-bit samples to the recording."""
        self._writers[-1].write(content)

    def place(self) -> Place:
        """The place of the recording so far."""
        return Place(self._writers[-1].path, self._first, self._writers[-1].samples - self._first)

    def take_back(self) -> None:
        """Remove the recording."""
        self._writers[-1].take_back(self._first)

    def end(self) -> None:
        """Complete the last container."""
        if self._writers:
            self._writers[-1].end()


class Nowhere(Rolling):
    """Counts the samples of recordings, and writes none."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull), "", 0)
        self._samples = 0

    def begin(self) -> None:
        self._samples = 0

    def write(self, content: bytes) -> None:
        self._samples += len(content) // 2

    def place(self) -> Place:
        return Place(Path(os.devnull), 0, self._samples)

    def take_back(self) -> None:
        self._samples = 0


def is_full(samples: int, sample_rate: int) -> bool:
    """Tell if a recording that begins after so many samples belongs in the next container."""
    return samples >= FULL_S * sample_rate


def arrange(folder: Path, batches: Iterable[Sequence[Place]], sample_rate: int) -> Iterator[Place]:
    """Bring recordings into their final containers, folder/00000.wav, 00001.wav, ...; yield the new places in order.

    The result depends only on the batches and the lengths of their recordings. Tasks usually wrote the very same
    containers, which are renamed. After a worker has crashed, or if recordings were dropped since, they are copied.
    """
    number = 0
    for places in batches:
        for group in _filled(places, sample_rate):
            path = folder / f"{number:05d}.wav"
            number += 1
            total = sum(place.samples for place in group)
            if group[0].path.stat().st_size == HEADER_BYTES + 2 * total and _contiguous(group):
                group[0].path.rename(path)
            else:
                _copy(group, path, sample_rate)
            first = 0
            for place in group:
                yield Place(path, first, place.samples)
                first += place.samples


def _filled(places: Sequence[Place], sample_rate: int) -> Iterator[list[Place]]:
    """The recordings of a batch, container by container, by the rule that `Rolling` follows."""
    group: list[Place] = []
    total = 0
    for place in places:
        if group and is_full(total, sample_rate):
            yield group
            group, total = [], 0
        group.append(place)
        total += place.samples
    if group:
        yield group


def _contiguous(group: Sequence[Place]) -> bool:
    """Tell if recordings lie back to back in one file, from its beginning."""
    first = 0
    for place in group:
        if place.path != group[0].path or place.first != first:
            return False
        first += place.samples
    return True


def _copy(group: Sequence[Place], path: Path, sample_rate: int) -> None:
    writer = Writer(path, sample_rate)
    for place in group:
        with place.path.open("rb") as source:
            source.seek(HEADER_BYTES + 2 * place.first)
            rest = 2 * place.samples
            while rest and (content := source.read(min(rest, COPIED_BYTES))):
                writer.write(content)
                rest -= len(content)
    writer.end()
