"""Recordings inside a file: channels and time spans of it, from one pass over the file."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pipeline.arrays import Samples, Waveform
from pipeline.audio.resample import Resampler, resampled
from pipeline.audio.samples import Decoded, mono, to_waveform

HELD_BYTES = 1 << 26  # per file, 33 minutes of one channel at 16 kHz; a longer one waits in a temporary file
READ_FRAMES = 1 << 18  # at a time

Array = TypeVar("Array", Samples, Waveform)


@dataclass(frozen=True)
class Cut:
    """Samples start:stop, at the rate after resampling, of a channel as `samples.mono` counts them.

    stop None: to the end of the file.
    """

    channel: int = 0
    start: int = 0
    stop: int | None = None


def take(decoded: Decoded, cuts: Sequence[Cut], sample_rate: int) -> Iterator[Iterator[Samples]]:
    """Yield the samples of each cut in blocks, which are to be read before those of the next cut.

    The file is decoded once. If there are several cuts, its samples wait in one place until the file has ended: a file
    that turns out to be damaged is rejected as a whole.
    """
    if len(cuts) == 1:
        blocks = (mono(block, cuts[0].channel) for block in decoded.blocks)
        yield _within(cuts[0], resampled(blocks, decoded.sample_rate, sample_rate))
    elif cuts:
        resamplers = {cut.channel: Resampler(decoded.sample_rate, sample_rate) for cut in cuts}
        with tempfile.SpooledTemporaryFile(HELD_BYTES) as held:
            for block in decoded.blocks:
                held.write(_frames(resampler.accept(mono(block, channel)) for channel, resampler in resamplers.items()))
            held.write(_frames(resampler.finish() for resampler in resamplers.values()))
            for cut in cuts:
                yield _stored(held, cut, list(resamplers))


def between(decoded: Decoded, channel: int, start: int, stop: int | None) -> Iterator[Waveform]:
    """Return samples start:stop of a file at its own rate; `channel` is as for `mono`, a single one is always used."""
    cut = Cut(channel if decoded.channels > 1 else 0, start, stop)
    return _within(cut, (to_waveform(mono(block, cut.channel)) for block in decoded.blocks))


def _within(cut: Cut, blocks: Iterator[Array]) -> Iterator[Array]:
    """Yield the samples of a channel that belong to a cut; the blocks are read to their end."""
    at = 0
    for block in blocks:
        stop = len(block) if cut.stop is None else max(cut.stop - at, 0)
        yield block[max(cut.start - at, 0) : stop]
        at += len(block)


def _frames(channels: Iterable[Samples]) -> bytes:
    return np.stack(list(channels), axis=1).tobytes()


def _stored(held: "tempfile.SpooledTemporaryFile[bytes]", cut: Cut, columns: list[int]) -> Iterator[Samples]:
    column, at = columns.index(cut.channel), cut.start
    frame_bytes = 2 * len(columns)
    held.seek(frame_bytes * at)
    while count := READ_FRAMES if cut.stop is None else min(cut.stop - at, READ_FRAMES):
        frames = np.frombuffer(held.read(frame_bytes * count), np.int16).reshape(-1, len(columns))
        if not len(frames):
            break
        yield np.ascontiguousarray(frames[:, column])
        at += len(frames)
