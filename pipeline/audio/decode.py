"""Recordings of any format that libsndfile reads, or PyAV if it is installed, decoded block by block."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from pipeline.audio import foreign, lengths
from pipeline.audio.headers import File
from pipeline.audio.lengths import Part
from pipeline.audio.resample import MAX_RATE_HZ, MIN_RATE_HZ
from pipeline.audio.samples import Block, Decoded
from pipeline.errors import AudioError

BLOCK_FRAMES = 1 << 18  # decoded at a time: 16 s at 16 kHz, 1 MB per channel
FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"))  # O_BINARY: Windows
UNKNOWN_FRAMES = 2**63 - 1  # libsndfile's value for an unknown length


def decode(path: Path, decoder: foreign.Decoder | None = None) -> Decoded:
    """Decode a file of any format, rate and number of channels that libsndfile or `foreign` reads.

    The format is recognised by the content, never by the name.

    Raises
    ------
    AudioError
        ``missing``, ``unreadable``, ``truncated``, ``longer`` or ``sample_rate``; the blocks also raise ``unreadable``,
        ``truncated``, ``longer`` and ``not_finite``.
    """
    descriptor = _open(path)
    if kind := foreign.recognise(descriptor):
        with os.fdopen(descriptor, "rb"):
            decoded = (decoder or foreign.Decoder()).decode(path, kind, descriptor)
        decoded = replace(decoded, blocks=(_within_full_scale(block, path) for block in decoded.blocks))
    else:
        source = _ForwardFile.of(descriptor, path)
        blocks = _blocks(source, lengths.parts(source, descriptor, path), path)
        decoded = Decoded(source.samplerate, source.channels, f"{source.format}/{source.subtype}", blocks)
    if not MIN_RATE_HZ <= decoded.sample_rate <= MAX_RATE_HZ:
        allowed = f"{MIN_RATE_HZ} to {MAX_RATE_HZ} are allowed"
        raise AudioError("sample_rate", f"claims {decoded.sample_rate} Hz, {allowed}; resample it", path)
    return decoded


def _within_full_scale(block: Block, path: Path) -> Block:
    if block.dtype == np.int16:
        return block
    if not np.isfinite(block).all():
        raise AudioError("not_finite", "holds samples that are NaN or infinite; write it again", path)
    return np.clip(block, -1, 1, out=block)


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read from front to back."""

    @classmethod
    def of(cls, file: int | File, path: Path) -> "_ForwardFile":
        """Open a file by its descriptor, which it will close: libsndfile would guess the format from a name."""
        try:
            if isinstance(file, int) and not hasattr(os, "pread"):  # Windows: a descriptor is known to Python only
                return cls(os.fdopen(file, "rb", buffering=0))
            return cls(file)
        except (soundfile.LibsndfileError, OSError, TypeError) as error:  # closes the descriptor as well
            detail = "is not audio that libsndfile reads; convert it to WAV or FLAC"
            raise AudioError("unreadable", detail, path) from error

    def seekable(self) -> bool:
        """Always False: otherwise soundfile seeks after every block, which fails in FLAC of unknown length."""
        return False


def _blocks(source: _ForwardFile, parts: list[Part], path: Path) -> Iterator[Block]:
    with source:
        for part in parts:
            with _ForwardFile.of(part.file, path) if part.file else source as reader:
                if (reader.samplerate, reader.channels) != (source.samplerate, source.channels):
                    raise AudioError("longer", "joins recordings of different sample rates or channels; split it", path)
                yield from _part_blocks(reader, part, path)


def _part_blocks(reader: _ForwardFile, part: Part, path: Path) -> Iterator[Block]:
    dtype = "int16" if reader.subtype == "PCM_16" else "float32"
    expected = reader.frames if part.frames is None else part.frames
    limit = expected if part.exact else reader.frames
    decoded = 0
    while decoded < limit:
        try:  # libsndfile pads a longer block with zeros, which takes longer than decoding a short recording
            block = reader.read(min(BLOCK_FRAMES, limit - decoded), dtype, always_2d=True)
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
    with suppress(soundfile.LibsndfileError):  # tags
        if part.exact and len(reader.read(1)):
            raise AudioError("longer", f"holds more than the {expected} frames that it states; convert it again", path)


def _open(path: Path) -> int:
    """Open a regular file; anything else raises an error at once, without blocking."""
    try:
        descriptor = os.open(path, FLAGS)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name with a zero byte
        pass
    except OSError as error:
        detail = f"can't be opened ({error.strerror}); check its name and permissions"
        raise AudioError("unreadable", detail, path) from error
    raise AudioError("missing", "is not a file; check its name", path)
