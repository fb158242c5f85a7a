"""Audio that arrives while it is identified: a file in chunks, a pipe, the microphone."""

import io
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np

from pipeline import programs
from pipeline.cli.output import Audio
from pipeline.errors import AudioError

STEP = 10  # chunks a second of a live source


def chunks(blocks: Iterable[Audio], rate: int) -> Iterator[Audio]:
    """A recording in the chunks of `pcm`, so that a file and a pipe give the same answer to the last digit."""
    step, waiting = max(rate // STEP, 1), np.zeros(0, np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        whole = len(waiting) // step * step
        yield from np.split(waiting[:whole], whole // step) if whole else ()
        waiting = waiting[whole:]
    if len(waiting):
        yield waiting


def pcm(pipe: io.BufferedReader | BinaryIO, rate: int) -> Iterator[Audio]:
    """Raw samples from a pipe, 16-bit little-endian mono, in chunks of at most a tenth of a second.

    Raises
    ------
    AudioError
        ``odd_bytes``, where the last sample is half there.
    """
    while data := pipe.read(2 * max(rate // STEP, 1)):
        if len(data) % 2:
            raise AudioError("odd_bytes", "ends in the middle of a sample; send 16-bit little-endian mono PCM")
        yield np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


@contextmanager
def microphone(rate: int) -> Iterator[io.BufferedReader]:
    """Raw samples of the default input device, through SoX, as `pcm` takes them.

    Raises
    ------
    AudioError
        ``microphone``, where it can't be opened.
    """
    output = ["-t", "raw", "-r", str(rate), "-e", "signed", "-b", "16", "-c", "1", "-"]
    command = [programs.require("sox"), "-q", "-d", *output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as recorder:
        pipe, said = cast(io.BufferedReader, recorder.stdout), cast(io.BufferedReader, recorder.stderr)
        try:
            if not pipe.peek(1):
                reason = said.read().decode(errors="replace").strip().splitlines() or ["SoX gives no reason"]
                raise AudioError("microphone", f"the microphone can't be opened ({reason[-1]}); plug one in or free it")
            yield pipe
        finally:
            recorder.terminate()
