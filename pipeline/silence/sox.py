"""SoX as a program: the samples that its `silence` effect keeps."""

import subprocess
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, cast

import numpy as np

from pipeline import programs
from pipeline.arrays import Samples
from pipeline.audio.samples import to_waveform
from pipeline.errors import ProgramError
from pipeline.silence.rule import DURATION_S

PIPE_BYTES = 1 << 20  # Linux's maximum: SoX and this process wait for each other less often


def run_sox(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Generator[Samples, None, None]:
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
            _enlarge(stream)
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


def _enlarge(pipe: IO[bytes]) -> None:
    """Give a pipe more room, on Linux."""
    with suppress(ImportError, AttributeError, OSError):  # all pipes of a user have a limit
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _feed(pipe: IO[bytes], blocks: Iterable[Samples]) -> None:
    with suppress(BrokenPipeError), pipe:  # if SoX has ended, its exit status tells why
        for block in blocks:
            pipe.write(to_waveform(block).data)
