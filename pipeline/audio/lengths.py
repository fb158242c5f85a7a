"""The parts of an audio file, so that all of its audio is decoded or none.

libsndfile ignores a stated length that the file does not hold, and reads no further than a stated length. So the two
are compared, in both directions. Only the bytes of the audio count: stated sizes of the whole file are often wrong, and
metadata after the audio may be missing. docs/formats.md lists the formats.
"""

import functools
import os
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

import soundfile

from pipeline.audio import headers
from pipeline.audio.headers import MAX_CHUNKS, Chunks, File
from pipeline.errors import AudioError

PIPE_BYTES = [0x7F000000, 1 << 31, 1 << 32, 1 << 63, 1 << 64]  # programs that write to a pipe state about these, or 0
PIPE_SLACK_BYTES = 1 << 16  # difference from these, for the programs' own headers and for whole frames
EMPTY_BYTES = 8  # of a chunk of audio without any: offset and block size, or the number of edits
MAGIC_BYTES = 16  # that begin a file of a format without a stated length
FLAC_BYTES = 26  # of a FLAC file, up to its number of frames, which has 36 bits
FIRST, LAST = 2, 4  # flags of the pages of an Ogg stream; RFC 3533
MPEG_RATES_HZ = (44100, 48000, 32000)  # of MPEG-1; ISO 11172-3
MPEG_KBPS = {  # by whether it is MPEG-1, and by layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MPEG_KIND_BITS = 0xFFFE0C00  # of a frame's header, the same in all frames: version, layer and sample rate
MPEG_DROPPED_SAMPLES = 529 + 3 * 1152  # by decoders: their delay, frames without audio
MPEG_PADDING_SAMPLES = 2 * 4095  # dropped in addition, if a LAME header states the encoder's padding


@dataclass(frozen=True)
class Part:
    """A part of a file that libsndfile reads as a file of its own.

    Attributes
    ----------
    file
        None: the whole file.
    frames
        Minimum number of frames that decoding must give; None: the number that libsndfile reads in the header.
    exact
        Decoding must not give more of them either.
    """

    file: File | None = None
    frames: int | None = None
    exact: bool = False


def parts(source: soundfile.SoundFile, descriptor: int, path: Path) -> list[Part]:
    """Find the parts of a file: usually one, `Part()`.

    Parameters
    ----------
    source
        The file as libsndfile has opened it, of which nothing is read yet.
    descriptor
        Descriptor of the open file, whose position does not change.
    path
        Path shown in error messages.

    Raises
    ------
    AudioError
        ``truncated`` or ``longer``, if the file holds less or more than it states; ``unreadable``, if it only looks
        like MPEG audio.
    """
    file = File(descriptor, _tags(File(descriptor), 0))
    if file.peek(0, 4) == b"OggS":
        return _ogg(file, path)
    if source.format in ("MP3", "FLAC"):
        return (_mpeg if source.format == "MP3" else _flac)(file, path)
    at, length = file.size, 0  # unless the header is whole
    with suppress(struct.error):
        at, length = headers.stated(file, source, os.lseek(descriptor, 0, os.SEEK_CUR) - file.start)
    if at >= file.size and not source.frames:
        raise AudioError("truncated", "ends with its header; copy it again", path)
    form, end = headers.chunks(file, source.format), at + length
    stated = is_known(length)
    if stated and end > file.size:
        detail = f"holds {file.start + file.size} of at least {file.start + end} bytes; copy it again"
        raise AudioError("truncated", detail, path)
    if stated and not _only_metadata(file, end, form):
        raise _longer(file.size - end, path)
    if source.subtype.startswith("MPEG"):  # in a WAV
        return _mpeg(file.part(at, end if stated else None), path)
    if stated:  # the audio of AIFF and CAF may come before other headers
        return [Part() if end == file.size or source.format in ("AIFF", "CAF") else Part(file.part(0, end))]
    magic = file.peek(0, MAGIC_BYTES)
    joined = re.escape(magic[:4]) + b".{8}" + re.escape(magic[12:])  # whatever length the other file states
    if (again := file.search(joined, MAGIC_BYTES)) is not None:
        raise _longer(file.size - again, path)
    if not _only_metadata(file, at, form):
        if form and source.format != "RF64":
            end = _end(file, at, form)
            return [Part(file.part(0, end, form.completed(file, at, end)))]
        if not source.frames:
            raise _longer(file.size - at, path)
    return [Part()]


def is_known(length: int) -> bool:
    """Return whether a header states a length, in bytes, and not one that stands for an unknown length."""
    return length > EMPTY_BYTES and all(abs(length - size) > PIPE_SLACK_BYTES for size in PIPE_BYTES)


def _longer(n_bytes: int, path: Path) -> AudioError:
    remedy = "repair it with sox --ignore-length, or split it"
    detail = f"holds {n_bytes} bytes after the audio that its header states; {remedy}"
    return AudioError("longer", detail, path)


def _only_metadata(file: File, at: int, form: Chunks | None) -> bool:
    """Return whether nothing but chunks of metadata, tags and padding follow."""
    for _ in range(MAX_CHUNKS):
        padded = at + at % 2
        if padded >= file.size or file.search(rb"[^\0]", padded) is None:
            return True
        after = max(form.after_metadata(file, at) if form else at, _tags(file, at), _tags(file, padded))
        if after == padded:
            return False
        at = after
    return False


def _end(file: File, at: int, form: Chunks) -> int:
    """Return the end of audio of unknown length: that of the file, but for chunks of metadata that end with it."""
    names = b"|".join(headers.CUT)
    while (found := file.search(names, at)) is not None:
        _, content, length = next(form.walk(file, found), (b"", 0, file.size))
        if content + length <= file.size and _only_metadata(file, found, form):
            return found
        at = found + 1
    return file.size


def _tags(file: File, at: int) -> int:
    """Return the end of the tags at an offset: ID3v2, ID3v1, APE."""
    while len(tag := file.peek(at, 16)) >= 10:
        if tag[:3] == b"ID3":
            size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
            at += 10 + size + (10 if tag[5] & 0x10 else 0)
        elif tag[:3] == b"TAG":
            at += 128
        elif tag[:8] == b"APETAGEX":
            at += 32 + int.from_bytes(tag[12:16], "little")
        else:
            break
    return at


def _flac(file: File, path: Path) -> list[Part]:
    """Give libsndfile a header without a number of frames, with which it reads on."""
    header = file.peek(0, FLAC_BYTES).ljust(FLAC_BYTES, b"\0")
    if (again := file.search(rb"fLaC\0\0\0\x22", 4)) is not None:
        raise _longer(file.size - again, path)
    frames = int.from_bytes(header[-5:], "big") & (1 << 36) - 1
    head = header[:-5] + bytes([header[-5] & 0xF0]) + bytes(4)
    return [Part(file.part(head=head), frames, exact=True) if frames else Part()]


def _ogg(file: File, path: Path) -> list[Part]:
    """Return the streams of a chain; each must end with a page that is complete and marked as the last."""
    starts, flags, end, at = list[int](), LAST, 0, file.search(b"OggS\0", 0)
    while at is not None:
        page = file.peek(at, 27 + 255).ljust(27, b"\0")
        end = at + 27 + page[26] + sum(page[27 : 27 + page[26]])
        after = end if file.peek(end, 5) == b"OggS\0" else file.search(b"OggS\0", at + 5)
        if page[5] & FIRST and not flags & FIRST:
            if not flags & LAST:
                break
            starts.append(at)
        complete = end <= file.size and (after is None or after >= end)
        flags, at = page[5] if complete else 0, after
    if not flags & LAST:
        raise AudioError("truncated", "lacks the last page of an Ogg stream; copy it again", path)
    if len(starts) == 1 and end == file.size:
        return [Part()]
    return [Part(file.part(at, stop)) for at, stop in pairwise([*starts, end])]


@functools.lru_cache(4096)
def _mpeg_frame(header: int) -> tuple[int, int, int]:
    """Return bytes, samples and kind of an MPEG audio frame from its first 4 bytes; zeros if they don't begin one."""
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    kbps, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or kbps in (0, 15) or rate == 3:
        return 0, 0, 0
    mpeg_1 = version == 3
    n_samples = 384 if layer == 1 else 1152 if mpeg_1 or layer == 2 else 576
    slot = 4 if layer == 1 else 1  # bytes
    hertz = MPEG_RATES_HZ[rate] // (1 if mpeg_1 else 2 if version == 2 else 4)
    slots = n_samples // 8 // slot * 1000 * MPEG_KBPS[mpeg_1, layer][kbps - 1] // hertz + padding
    return slots * slot, n_samples, header & MPEG_KIND_BITS


def _frame(file: File, at: int) -> tuple[int, int, int]:
    return _mpeg_frame(int.from_bytes(file.peek(at, 4), "big"))


@dataclass
class _Stream:
    """MPEG frames from a header that counts them, or from the start of the file."""

    start: int
    stated: int
    frames: int = 0


def _mpeg(file: File, path: Path) -> list[Part]:
    length, n_samples, kind = _frame(file, 0)
    if not kind or _frame(file, length)[2] != kind:  # one of 5,000 other files begins like a frame
        raise AudioError("unreadable", "is not a chain of MPEG frames; convert it to WAV or FLAC", path)
    streams, at, end = list[_Stream](), 0, 0
    while at < file.size:
        length, _, found = _frame(file, at)
        if found == kind:
            if (stated := _xing(file.peek(at, 64))) or not at:
                streams.append(_Stream(at, stated, -bool(stated)))
            streams[-1].frames += 1
            at = end = at + length
        elif (after := _tags(file, at)) > at:
            at = after
        elif file.size - at < 4 and file.peek(at, 1) == b"\xff":  # the beginning of a frame
            at = end = file.size + 1
        else:
            at = _resynchronised(file, at, kind)
            if at < file.size and _frame(file, at)[2] != kind:
                raise AudioError("longer", "joins MP3 files of different kinds; split it", path)
    if end > file.size or any(stream.stated > stream.frames + 1 for stream in streams):
        raise AudioError("truncated", "holds fewer MPEG frames than it states; copy it again", path)
    if any(0 < stream.stated < stream.frames - 1 for stream in streams):
        raise AudioError("longer", "holds more MPEG frames than it states; split or convert it", path)
    parts_ = []
    for stream, following in zip_longest(streams, streams[1:]):
        dropped = MPEG_DROPPED_SAMPLES + MPEG_PADDING_SAMPLES * bool(stream.stated)
        inside = file.part(stream.start, following.start if following else None) if len(streams) > 1 else None
        parts_.append(Part(inside, stream.frames * n_samples - dropped))
    return parts_


def _xing(first: bytes) -> int:
    """Return the number of frames that follow, by the Xing or Info header that a frame begins with; 0 without one."""
    found = re.match(rb".{4,6}\0+(?:Xing|Info)\0\0\0[\x01\x03\x05\x07\x09\x0b\x0d\x0f](.{4})", first, re.DOTALL)
    return int.from_bytes(found[1], "big") if found else 0


def _resynchronised(file: File, at: int, kind: int) -> int:
    """Return the offset of the next two frames in a row, or of three of another kind, or the end of the file.

    Decoders skip data between frames.
    """
    while (found := file.search(rb"\xff[\xe0-\xff]", at + 1)) is not None:
        at = found
        length, _, first = _frame(file, at)
        following, _, second = _frame(file, at + length)
        third = _frame(file, at + length + following)[2]
        if (first == kind and (second == kind or at + length >= file.size)) or (first and first == second == third):
            return at
    return file.size
