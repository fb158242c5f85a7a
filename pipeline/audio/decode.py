"""Recordings of any format that libsndfile reads, or PyAV if it is installed, decoded block by block."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from pipeline.audio import foreign
from pipeline.audio.decoded import Block, Decoded
from pipeline.audio.lengths import stated_length
from pipeline.audio.resample import MAX_RATE_HZ, MIN_RATE_HZ
from pipeline.errors import AudioError

BLOCK_FRAMES = 1 << 18  # decoded at a time: 16 s at 16 kHz, 1 MB per channel
UNKNOWN_FRAMES = 2**63 - 1  # libsndfile's value for an unknown length


def decode(path: Path) -> Decoded:
    """Decode a file of any format, rate and number of channels that libsndfile or `foreign` reads.

    The format is recognised by the content, never by the name.

    Raises
    ------
    AudioError
        ``missing``, ``unreadable``, ``truncated`` or ``sample_rate``; the blocks also raise ``unreadable``,
        ``truncated`` and ``not_finite``.
    """
    descriptor = _open(path)
    if kind := foreign.recognise(descriptor):
        os.close(descriptor)
        decoded = foreign.decode(path, kind)
        _require_rate(decoded.sample_rate, path)
        return replace(decoded, blocks=(_within_full_scale(block, path) for block in decoded.blocks))
    source = _ForwardFile.of(descriptor, path)
    stated, size = stated_length(descriptor, source.format, path), os.fstat(descriptor).st_size
    if stated.end is not None and stated.end > size:
        raise AudioError("truncated", f"holds {size} of at least {stated.end} bytes; copy it again", path)
    _require_rate(source.samplerate, path)
    expected = source.frames if stated.frames is None else stated.frames
    blocks = _blocks(source, expected, path)
    return Decoded(source.samplerate, source.channels, f"{source.format}/{source.subtype}", blocks)


def _require_rate(rate: int, path: Path) -> None:
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        allowed = f"{MIN_RATE_HZ} to {MAX_RATE_HZ} are allowed"
        raise AudioError("sample_rate", f"claims {rate} Hz, {allowed}; resample it", path)


def _within_full_scale(block: Block, path: Path) -> Block:
    if block.dtype == np.int16:
        return block
    if not np.isfinite(block).all():
        raise AudioError("not_finite", "holds samples that are NaN or infinite; write it again", path)
    return np.clip(block, -1, 1, out=block)


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read from front to back."""

    @classmethod
    def of(cls, descriptor: int, path: Path) -> "_ForwardFile":
        """Open a file by its descriptor, which it will close: libsndfile would guess the format from a name."""
        try:
            return cls(descriptor)
        except (soundfile.LibsndfileError, OSError, TypeError) as error:  # closes the descriptor as well
            detail = "is not audio that libsndfile reads; convert it to WAV or FLAC"
            raise AudioError("unreadable", detail, path) from error

    def seekable(self) -> bool:
        """Always False: otherwise soundfile seeks after every block, which fails in FLAC of unknown length."""
        return False


def _blocks(source: _ForwardFile, expected: int, path: Path) -> Iterator[Block]:
    dtype = "int16" if source.subtype == "PCM_16" else "float32"
    with source:
        decoded = 0
        while decoded < source.frames:
            try:  # libsndfile pads a longer block with zeros, which takes longer than decoding a short recording
                block = source.read(min(BLOCK_FRAMES, source.frames - decoded), dtype, always_2d=True)
            except soundfile.LibsndfileError as error:
                detail = f"breaks off after {decoded} frames ({error}); copy it again"
                raise AudioError("unreadable", detail, path) from error
            if not len(block):
                break
            decoded += len(block)
            yield _within_full_scale(block, path)
        if decoded < expected < UNKNOWN_FRAMES:
            detail = f"gives {decoded} of at least {expected} frames; copy it again or convert it to FLAC"
            raise AudioError("truncated", detail, path)


def duration(path: Path) -> float:
    """Duration in seconds according to the header of a file of any format; 0 if it is unknown.

    Raises
    ------
    AudioError
        ``missing`` or ``unreadable``.
    """
    descriptor = _open(path)
    if foreign.recognise(descriptor):
        os.close(descriptor)
        return 0.0
    with _ForwardFile.of(descriptor, path) as source:
        return float(source.frames / source.samplerate) if source.frames < UNKNOWN_FRAMES else 0.0


def _open(path: Path) -> int:
    """Open a regular file; anything else raises an error at once, without blocking."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a name with a zero byte
        raise AudioError("missing", "is not a file; check its name", path) from error
    except OSError as error:
        detail = f"can't be opened ({error.strerror}); check its name and permissions"
        raise AudioError("unreadable", detail, path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise AudioError("missing", "is not a file; check its name", path)
    return descriptor
