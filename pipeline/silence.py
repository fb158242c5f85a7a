"""Which samples are speech: SoX's decision, kept as spans on the recording's own timeline.

SoX gives back the samples that it keeps but not where they were. Its rule, written again in `SoxRule`, says where,
and `detect` checks on every recording that the samples there are SoX's own output. (Carrying sample numbers through SoX
in extra channels does not give the answer of a one-channel run: SoX tests the channels one at a time, each with only
its own newest sample, so the moment at which it stops differs by some samples in a fifth of random signals.)
"""

import hashlib
import math
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from pipeline import params, programs
from pipeline.audio import FULL_SCALE, Read, Samples
from pipeline.errors import DetectionError

Spans = NDArray[np.int64]  # shape (spans, 2): samples start:end, in order, apart
Flags = NDArray[np.bool_]  # whether each frame is speech, shape (frames,)

BLOCK = 1 << 13  # samples taken at a time: the level is computed anew behind every stop
CHUNK = 1 << 19  # samples in memory at a time: 33 s, however long the recording
DURATION = 0.02  # s that SoX waits before it starts or stops; min_speech, min_silence and pad are applied to its spans
_SOX_MAX = 2**31 - 1  # SoX computes in 32-bit samples
_SOX_SCALE = 2**16  # one step of a 16-bit sample in SoX's
_SOX_STEP = 2**7  # SoX compares levels cut to the precision of its input: 25 of 32 bits for float32


def detect(read: Read, samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Spans of speech in a whole recording of so many samples: SoX's, then min_silence, min_speech and pad.

    Returns
    -------
    Spans of speech, shape (spans, 2); none where all is silence.

    Raises
    ------
    DetectionError
        Where SoX fails, or keeps other samples than its rule.
    """

    def parts() -> Iterator[Samples]:
        return (read(at, at + CHUNK) for at in range(0, samples, CHUNK))

    spans = kept_spans(parts(), sample_rate, detection.threshold)
    kept = (cut(part, _within(spans, at * CHUNK, len(part))) for at, part in enumerate(parts()))
    if _digest(kept) != _digest(run_sox(parts(), sample_rate, detection.threshold)):
        raise DetectionError("SoX kept other samples than its rule does; please report this with the recording")
    return tidy(spans, samples, sample_rate, detection)


def run_sox(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Iterator[Samples]:
    """What SoX's `silence` effect leaves of a recording, throughout, in blocks as SoX gives them back.

    pysox writes the effect's arguments; the samples go through pipes, because its own `build_array` needs the whole
    recording in memory several times over.
    """
    import sox

    effect = sox.Transformer().silence(location=0, silence_threshold=threshold, min_silence_duration=DURATION)
    # As float32, so that SoX compares levels at 32 bits; 16-bit input would be compared after rounding to 16.
    source, sink = ["-t", "f32", "-r", str(sample_rate), "-c", "1", "-"], ["-t", "s16", "-"]
    command = [programs.require("sox"), "-D", "-V1", *source, *sink, *effect.effects]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor(1) as feeder,
    ):
        stdin, stdout, stderr = (cast(IO[bytes], pipe) for pipe in (process.stdin, process.stdout, process.stderr))
        fed = feeder.submit(_feed, stdin, blocks)
        while part := stdout.read(2 * CHUNK):
            yield np.frombuffer(part, np.int16)
        fed.result()
        complaint = stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise DetectionError(f"SoX failed with exit status {process.returncode} ({complaint}); run it again")


def _feed(pipe: IO[bytes], blocks: Iterable[Samples]) -> None:
    with suppress(BrokenPipeError), pipe:  # SoX has ended: its exit status tells why
        for block in blocks:
            pipe.write((block.astype(np.float32) / FULL_SCALE).tobytes())


def _digest(blocks: Iterable[Samples]) -> bytes:
    digest = hashlib.blake2b()
    for block in blocks:
        digest.update(block.tobytes())
    return digest.digest()


def kept_spans(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Spans:
    """Where SoX keeps samples of a whole recording, in blocks of any size: `SoxRule` over all of it."""
    rule = SoxRule(sample_rate, threshold)
    edges = [sample for block in blocks for _, sample in rule.accept(block)]
    if rule.open:
        edges.append(rule.heard)
    return np.array(edges, np.int64).reshape(-1, 2)


def tidy(spans: Spans, samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Join spans less than min_silence apart, drop those under min_speech, widen the rest by pad on both sides."""
    if not len(spans):
        return spans
    joined = _join(spans, round(detection.min_silence * sample_rate))
    kept = joined[joined[:, 1] - joined[:, 0] >= round(detection.min_speech * sample_rate)]
    pad = round(detection.pad * sample_rate)
    return _join(np.clip(kept + np.array([-pad, pad]), 0, samples), 1)


def cut(samples: Samples, spans: Spans) -> Samples:
    """The samples inside the spans, joined: shape (kept,)."""
    return np.concatenate([samples[start:end] for start, end in spans] or [samples[:0]])


def flags(spans: Spans, samples: int, hop_length: int, first: int, count: int) -> Flags:
    """Whether frames first:first+count are speech: whether their middle sample lies in a span. Shape (count,)."""
    middle = np.minimum(np.arange(first, first + count) * hop_length, samples - 1)
    return np.asarray(np.searchsorted(spans.ravel(), middle, side="right") % 2 == 1)


class SoxRule:
    """Where SoX's `silence` effect keeps samples of a stream.

    SoX waits until the level has been above the threshold for 20 ms, keeps from the first of them on, and stops when
    it has been at or below it for 20 ms, which are dropped; then it forgets the level and waits again. The level is
    the RMS of the last 20 ms, the newest sample included.

    Parameters
    ----------
    threshold
        Percent of full scale.


    Attributes
    ----------
    heard
        Samples so far.
    open
        Whether SoX is keeping samples now.
    """

    def __init__(self, sample_rate: int, threshold: float) -> None:
        self._window = sample_rate // 50
        self._wait = int(DURATION * sample_rate + 0.5)
        self._least = _least_energy(self._window, float(f"{threshold:f}"))  # as pysox writes it
        self._most = self._window * FULL_SCALE**2  # the root of which overflows SoX's 32 bits: below any threshold
        self._squares = np.zeros(self._window, np.int64)  # of the window, oldest first
        self._energy = 0
        self._run = 0  # newest samples in a row that speak for a change: above when not keeping, not above when keeping
        self.heard = 0
        self.open = False

    @property
    def undecided(self) -> int:
        """The first sample that SoX may still keep or drop."""
        return self.heard - self._run

    def accept(self, samples: Samples) -> list[tuple[bool, int]]:
        """Take more samples; give back where SoX started (True) and stopped (False) to keep, in order."""
        blocks = (samples[at : at + BLOCK] for at in range(0, len(samples), BLOCK))
        return [change for block in blocks for change in self._take(block)]

    def _take(self, samples: Samples) -> list[tuple[bool, int]]:
        changes: list[tuple[bool, int]] = []
        squares = samples.astype(np.int64) ** 2
        while len(squares):
            leaving = np.concatenate([self._squares, squares])
            energy = self._energy + np.cumsum(squares - leaving[: len(squares)])
            above = (energy >= self._least) & (energy < self._most)
            used = self._until_change(above != self.open)
            self._squares = leaving[used : used + self._window]
            self._energy = int(energy[used - 1])
            self.heard += used
            squares = squares[used:]
            if self._run == self._wait:
                self.open = not self.open
                changes.append((self.open, self.undecided))
                self._run = 0
                if not self.open:  # SoX forgets the level when it stops
                    self._squares, self._energy = np.zeros_like(self._squares), 0
        return changes

    def _until_change(self, speaks: NDArray[np.bool_]) -> int:
        """Count on to the sample that completes a change, or to the end; give back how many were counted."""
        at = 0
        while at < len(speaks):
            if not speaks[at]:
                self._run = 0
                ahead = int(np.argmax(speaks[at:]))
                if not speaks[at + ahead]:
                    return len(speaks)
                at += ahead
            need = self._wait - self._run
            stretch = speaks[at : at + need]
            length = len(stretch) if stretch.all() else int(np.argmin(stretch))
            self._run += length
            at += length
            if self._run == self._wait:
                return at
        return at


def _least_energy(window: int, threshold: float) -> int:
    """The smallest sum of squared 16-bit samples over a window that SoX finds above the threshold.

    SoX takes the root in double precision, cuts it to its input's precision and compares that; written as SoX does it,
    then inverted by bisection, so that the whole rule can be kept in exact integers.
    """

    def above(energy: int) -> bool:
        level = int(math.sqrt(float(energy * _SOX_SCALE**2) / window))
        return level // _SOX_STEP * _SOX_STEP / _SOX_MAX * 100 > threshold

    low, high = 0, window * FULL_SCALE**2 + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if above(middle) else (middle + 1, high)
    return low


def _within(spans: Spans, start: int, samples: int) -> Spans:
    """What of the spans lies in so many samples from `start` on, counted from there."""
    first, last = np.searchsorted(spans[:, 1], start, "right"), np.searchsorted(spans[:, 0], start + samples)
    return np.clip(spans[first:last] - start, 0, samples)


def _join(spans: Spans, gap: int) -> Spans:
    """Join neighbours less than `gap` samples apart, or touching."""
    if not len(spans):
        return spans
    apart = spans[1:, 0] - spans[:-1, 1] >= max(gap, 1)
    return np.stack([spans[np.r_[True, apart], 0], spans[np.r_[apart, True], 1]], axis=1)
