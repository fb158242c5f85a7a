"""SoX as a program: the samples that its `silence` effect keeps, and the check of `SoxRule` against them.

SoX returns the samples that it keeps but not their positions. `SoxRule` gives the positions, and `detect` checks for
every recording that the samples there are SoX's own output. docs/silence.md explains why sample numbers in extra
channels do not work.
"""

import fcntl
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, cast

import numpy as np

from pipeline import params, programs
from pipeline.arrays import Samples, Spans
from pipeline.audio.samples import Read, to_waveform
from pipeline.errors import Defect, ProgramError
from pipeline.silence.gain import levelled
from pipeline.silence.rule import DURATION_S
from pipeline.silence.spans import cut, sox_spans, tidy, within

CHUNK_SAMPLES = 1 << 19  # in memory at a time: 33 s, however long the recording
PIPE_BYTES = 1 << 20  # Linux's maximum: SoX and this process wait for each other less often


def detect(read: Read, n_samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Find the speech of a whole recording: SoX's spans, then min_silence, min_speech and pad.

    Returns
    -------
    Spans of speech, shape (spans, 2); (0, 2) if all is silence.

    Raises
    ------
    ProgramError
        If SoX is not installed or fails.
    Defect
        If SoX does not keep the same samples as `SoxRule`.

    Examples
    --------
    >>> signal = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000])
    >>> detection = params.Detection(automatic_gain=False, threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.01)
    >>> detect(lambda start, stop: signal[start:stop], len(signal), 16000, detection)
    array([[ 840, 5479]])
    """
    from pipeline.silence.compiled import CompiledRule  # with Numba, which only workers need

    def read_chunks() -> Iterator[Samples]:
        recorded = (read(at, at + CHUNK_SAMPLES) for at in range(0, n_samples, CHUNK_SAMPLES))
        return levelled(recorded, sample_rate, detection)

    held = list(read_chunks()) if n_samples <= CHUNK_SAMPLES else None  # a longer one is read three times

    def chunks() -> Iterable[Samples]:
        return read_chunks() if held is None else held

    spans = sox_spans(chunks(), CompiledRule(sample_rate, detection.threshold))
    if not _equal(_kept(chunks(), spans), run_sox(chunks(), sample_rate, detection.threshold)):
        raise Defect("SoX did not keep the samples that its rule keeps; please report this with the recording")
    return tidy(spans, n_samples, sample_rate, detection)


def run_sox(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Iterator[Samples]:
    """Run SoX's `silence` effect over a whole recording; the samples that it keeps, block by block.

    pysox writes the effect's arguments. The samples go through pipes, because pysox's own `build_array` needs the whole
    recording in memory several times over.

    Raises
    ------
    ProgramError
        If SoX is not installed or fails.

    Examples
    --------
    >>> signal = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000])
    >>> sum(len(block) for block in run_sox([signal], 16000, threshold=1.0)) < len(signal)
    True
    """
    import sox

    effect = sox.Transformer().silence(location=0, silence_threshold=threshold, min_silence_duration=DURATION_S)
    # As float32, so that SoX compares levels at 32 bits; 16-bit input would be compared after rounding to 16.
    source, sink = ["-t", "f32", "-r", str(sample_rate), "-c", "1", "-"], ["-t", "s16", "-"]
    command = [programs.require("sox"), "-D", "-V1", *source, *sink, *effect.effects]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor(1) as feeder,
    ):
        stdin, stdout, stderr = (cast(IO[bytes], pipe) for pipe in (process.stdin, process.stdout, process.stderr))
        for stream in (stdin, stdout):
            with suppress(OSError):  # all pipes of a user have a limit
                fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        fed = feeder.submit(_feed, stdin, blocks)
        while part := stdout.read(2 * CHUNK_SAMPLES):
            yield np.frombuffer(part, np.int16)
        fed.result()
        complaint = stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise ProgramError(f"SoX failed with exit status {process.returncode} ({complaint}); run it again")


def _feed(pipe: IO[bytes], blocks: Iterable[Samples]) -> None:
    with suppress(BrokenPipeError), pipe:  # if SoX has ended, its exit status tells why
        for block in blocks:
            pipe.write(to_waveform(block).data)


def _kept(blocks: Iterable[Samples], spans: Spans) -> Iterator[Samples]:
    at = 0
    for block in blocks:
        yield cut(block, within(spans, at, len(block)))
        at += len(block)


def _equal(kept: Iterable[Samples], by_sox: Iterator[Samples]) -> bool:
    """True if both have the same samples, in blocks of any size, but none of SoX's is empty."""
    rest = np.zeros(0, np.int16)
    for block in kept:
        at = 0
        while at < len(block):
            if not len(rest):
                rest = next(by_sox, rest)
            n_samples = min(len(block) - at, len(rest))
            if not n_samples or not np.array_equal(block[at : at + n_samples], rest[:n_samples]):
                return False
            at, rest = at + n_samples, rest[n_samples:]
    return not len(rest) and next(by_sox, None) is None
