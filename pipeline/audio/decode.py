"""Recordings of any format that libsndfile reads, decoded block by block."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipeline.audio import lengths
from pipeline.audio.resample import FASTEST, SLOWEST
from pipeline.errors import AudioError

BLOCK = 1 << 18  # frames decoded at a time: 16 s at 16 kHz, 1 MB a channel
UNKNOWN = 2**63 - 1  # frames, if libsndfile can't tell


@dataclass(frozen=True)
class Decoded:
    """A recording whose header was read.

    Attributes
    ----------
    sample_rate, channels, format
        As the file has them; the format is libsndfile's, such as ``WAV/PCM_16``.
    blocks
        The mean of the channels in blocks of shape (frames,), full scale ±1, decoded when they are taken.
    """

    sample_rate: int
    channels: int
    format: str
    blocks: Iterator[NDArray[np.float32]]


def decode(path: Path) -> Decoded:
    """Decode a file of any format, rate and number of channels that libsndfile reads.

    The content tells the format, never the name.

    Raises
    ------
    AudioError
        ``missing``, ``unreadable``, ``truncated`` or ``sample_rate``; the blocks also raise ``unreadable``,
        ``truncated`` and ``not_finite``.
    """
    descriptor = _open(path)
    source = _Source.of(descriptor)
    stated, size = lengths.stated(descriptor, source.format), os.fstat(descriptor).st_size
    if stated.end is not None and stated.end > size:
        raise AudioError("truncated", f"holds {size} of at least {stated.end} bytes; copy it again")
    if not SLOWEST <= source.samplerate <= FASTEST:
        raise AudioError(
            "sample_rate", f"claims {source.samplerate} Hz, {SLOWEST} to {FASTEST} are allowed; resample it"
        )
    promised = source.frames if stated.frames is None else stated.frames
    return Decoded(source.samplerate, source.channels, f"{source.format}/{source.subtype}", _mono(source, promised))


class _Source(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read from front to back."""

    @classmethod
    def of(cls, descriptor: int) -> "_Source":
        """Open a file by its descriptor, which is closed with it: libsndfile guesses a format from a name."""
        try:
            return cls(descriptor)
        except (soundfile.LibsndfileError, OSError, TypeError):  # closes the descriptor as well
            raise AudioError("unreadable", "is not audio that libsndfile reads; convert it to WAV or FLAC") from None

    def seekable(self) -> bool:
        """No: else soundfile seeks after every block, which fails in FLAC of unknown length."""
        return False


def _mono(source: _Source, promised: int) -> Iterator[NDArray[np.float32]]:
    with source:
        decoded = 0
        while decoded < source.frames:
            try:  # libsndfile fills up what it is asked for with zeros, which takes longer than a short recording
                block = source.read(min(BLOCK, source.frames - decoded), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError("unreadable", f"breaks off after {decoded} frames ({error}); copy it again") from None
            if not np.isfinite(block).all():
                raise AudioError("not_finite", "holds samples that are NaN or infinite; write it again")
            if not len(block):
                break
            decoded += len(block)
            yield np.clip(block, -1, 1).mean(axis=1, dtype=np.float32)
        if decoded < promised < UNKNOWN:
            raise AudioError(
                "truncated", f"gives {decoded} of at least {promised} frames; copy it again or convert it to FLAC"
            )


def duration(path: Path) -> float:
    """Seconds that the header of a file of any format claims, 0 if it does not say.

    Raises
    ------
    AudioError
        ``missing`` or ``unreadable``.
    """
    with _Source.of(_open(path)) as source:
        return float(source.frames / source.samplerate) if source.frames < UNKNOWN else 0.0


def _open(path: Path) -> int:
    """The descriptor of a regular file; opening anything else does not block, and it is closed at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name with a zero byte
        raise AudioError("missing", "is not a file; check its name") from None
    except OSError as error:
        raise AudioError("unreadable", f"can't be opened ({error.strerror}); check its name and permissions") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise AudioError("missing", "is not a file; check its name")
    return descriptor
