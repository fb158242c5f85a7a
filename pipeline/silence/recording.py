"""Find the speech of recordings, and check for each of them that SoX keeps the same samples.

SoX returns the samples that it keeps but not their positions. `SoxRule` gives the positions, and the samples there must
be SoX's own output. docs/silence.md explains why sample numbers in extra channels do not work.
"""

import hashlib
import subprocess
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, cast

import numpy as np

from pipeline import params, programs
from pipeline.arrays import Samples, Spans
from pipeline.audio.samples import Read, to_waveform
from pipeline.errors import Defect, ProgramError
from pipeline.silence.rule import DURATION_S
from pipeline.silence.spans import cut, sox_spans, tidy, within

PIPE_BYTES = 1 << 20  # Linux's maximum: SoX and this process wait for each other less often
CHUNK_SAMPLES = 1 << 19  # in memory at a time: 33 s, however long the recording


def detect(read: Read, n_samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Find the speech of a whole recording: SoX's spans, then min_silence, min_speech and pad.

    Returns
    -------
    Spans of speech, shape (spans, 2).

    Raises
    ------
    ProgramError
        If SoX is not installed or fails.
    Defect
        If SoX does not keep the same samples as `SoxRule`.

    Examples
    --------
    >>> signal = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000])
    >>> detection = params.Detection(threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.01)
    >>> detect(lambda start, stop: signal[start:stop], len(signal), 16000, detection)
    array([[ 840, 5479]])
    """
    from pipeline.silence.compiled import CompiledRule  # with Numba, which only workers need

    def chunks() -> Iterator[Samples]:
        return (read(at, at + CHUNK_SAMPLES) for at in range(0, n_samples, CHUNK_SAMPLES))

    spans = sox_spans(chunks(), CompiledRule(sample_rate, detection.threshold))
    if _digest(_kept(chunks(), spans)) != _digest(run_sox(chunks(), sample_rate, detection.threshold)):
        raise Defect("SoX did not keep the samples that its rule keeps; please report this with the recording")
    return tidy(spans, n_samples, sample_rate, detection)


def detect_together(
    recordings: Sequence[tuple[Read, int]], sample_rate: int, detection: params.Detection
) -> list[Spans | None]:
    """Find the speech of recordings with one SoX process, which gets them in a row with silence between them.

    Starting SoX takes as long as 6 s of audio. The silence resets it.

    Parameters
    ----------
    recordings
        Samples and length of each recording.

    Returns
    -------
    As `detect` for every recording, or None if that has to be called: the recording is long, the silence after it
    would change its spans, or SoX failed or differed for any of them.
    """
    from pipeline.silence.compiled import CompiledRule  # with Numba, which only workers need

    found: list[Spans | None] = [None] * len(recordings)
    sent, kept = list[Samples](), list[Samples]()
    for position, (read, n_samples) in enumerate(recordings):
        if n_samples > CHUNK_SAMPLES:
            continue
        rule = CompiledRule(sample_rate, detection.threshold)
        samples, silence = read(0, n_samples), np.zeros(rule.forgets_after, np.int16)
        changes, late = rule.accept(samples), rule.accept(silence)
        if all(sample >= n_samples for _, sample in late):  # the silence changes nothing before it
            spans = np.array([sample for _, sample in changes + late], np.int64).reshape(-1, 2)
            found[position] = tidy(within(spans, 0, n_samples), n_samples, sample_rate, detection)
            sent += [samples, silence]
            kept += _kept([samples, silence], spans)
    with suppress(ProgramError):
        if sent and _digest(kept) == _digest(run_sox(sent, sample_rate, detection.threshold)):
            return found
    return [None] * len(recordings)


def _kept(blocks: Iterable[Samples], spans: Spans) -> Iterator[Samples]:
    at = 0
    for block in blocks:
        yield cut(block, within(spans, at, len(block)))
        at += len(block)


def _digest(blocks: Iterable[Samples]) -> bytes:
    """Return a digest of samples in blocks of any size."""
    digest = hashlib.blake2b()
    for block in blocks:
        digest.update(block.tobytes())
    return digest.digest()


def run_sox(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Generator[Samples, None, None]:
    """Run SoX's `silence` effect over a whole recording; yield the samples that it keeps, block by block.

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
            with suppress(ImportError, AttributeError, OSError):  # on Linux alone, and all pipes of a user have a limit
                import fcntl

                fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        fed = feeder.submit(_feed, stdin, blocks)
        try:
            while part := stdout.read(PIPE_BYTES):
                yield np.frombuffer(part, np.int16)
        except GeneratorExit:  # nobody reads the rest, and SoX would wait for that
            process.kill()
            raise
        fed.result()
        complaint = stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise ProgramError(f"SoX failed with exit status {process.returncode} ({complaint}); run it again")


def _feed(pipe: IO[bytes], blocks: Iterable[Samples]) -> None:
    with suppress(BrokenPipeError), pipe:  # if SoX has ended, its exit status tells why
        for block in blocks:
            pipe.write(to_waveform(block).data)
