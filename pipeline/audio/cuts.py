"""Recordings inside a file: channels and time spans of it, from one pass over the file."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TypeVar

import numpy as np

from pipeline.arrays import Samples, Waveform
from pipeline.audio.decoded import Decoded, mono
from pipeline.audio.resample import Resampler, resampled
from pipeline.audio.samples import to_waveform

HELD_BYTES = 1 << 26  # of each recording, 33 minutes at 16 kHz; a longer one waits in a temporary file
READ_SAMPLES = 1 << 18  # at a time

Array = TypeVar("Array", Samples, Waveform)


@dataclass(frozen=True)
class Cut:
    """Samples start:stop, at the rate after resampling, of a channel as `decoded.mono` counts them.

    stop None: to the end of the file.
    """

    channel: int = 0
    start: int = 0
    stop: int | None = None


def take(
    decoded: Decoded, cuts: Sequence[Cut], sample_rate: int, receive: Callable[[int, Iterator[Samples]], None]
) -> None:
    """Pass the samples of each cut to `receive`, with its position, in blocks, one cut after the other.

    The file is decoded once. Several cuts are held until the file has ended.
    """
    if not cuts:
        return
    if len(cuts) == 1:
        receive(0, _single(decoded, cuts[0], sample_rate))
        return
    with ExitStack() as stack:
        held = [stack.enter_context(tempfile.SpooledTemporaryFile(HELD_BYTES)) for _ in cuts]
        _spool(decoded, cuts, sample_rate, held)
        for position, file in enumerate(held):
            file.seek(0)
            receive(position, _stored(file))
            file.close()


def between(decoded: Decoded, channel: int, start_s: float, end_s: float | None) -> Iterator[Waveform]:
    """The part of a file between two times, at its own rate; `channel` as for `mono`, all of a file with one."""
    stop = None if end_s is None else round(end_s * decoded.sample_rate)
    cut, at = Cut(channel if decoded.channels > 1 else 0, round(start_s * decoded.sample_rate), stop), 0
    for block in decoded.blocks:
        yield _part(to_waveform(mono(block, cut.channel)), at, cut)
        at += len(block)


def _single(decoded: Decoded, cut: Cut, sample_rate: int) -> Iterator[Samples]:
    at = 0
    for samples in resampled((mono(block, cut.channel) for block in decoded.blocks), decoded.sample_rate, sample_rate):
        yield _part(samples, at, cut)
        at += len(samples)


def _spool(decoded: Decoded, cuts: Sequence[Cut], sample_rate: int, held: Sequence[IO[bytes]]) -> None:
    resamplers = {cut.channel: Resampler(decoded.sample_rate, sample_rate) for cut in cuts}
    waiting = sorted(range(len(cuts)), key=lambda position: cuts[position].start, reverse=True)
    active: list[int] = []
    at = 0

    def share(samples: dict[int, Samples]) -> None:
        nonlocal at, active
        length = len(next(iter(samples.values())))
        while waiting and cuts[waiting[-1]].start < at + length:
            active.append(waiting.pop())
        for position in active:
            held[position].write(_part(samples[cuts[position].channel], at, cuts[position]).tobytes())
        at += length
        active = [position for position in active if (stop := cuts[position].stop) is None or stop > at]

    for block in decoded.blocks:
        share({channel: resampler.accept(mono(block, channel)) for channel, resampler in resamplers.items()})
    share({channel: resampler.finish() for channel, resampler in resamplers.items()})


def _part(samples: Array, at: int, cut: Cut) -> Array:
    """Those of the samples from `at` on that belong to a cut."""
    stop = len(samples) if cut.stop is None else max(cut.stop - at, 0)
    return samples[max(cut.start - at, 0) : stop]


def _stored(file: IO[bytes]) -> Iterator[Samples]:
    while content := file.read(2 * READ_SAMPLES):
        yield np.frombuffer(content, np.int16)
