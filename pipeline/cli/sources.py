"""Audio to identify: files and folders, raw PCM from a pipe, the microphone."""

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from pipeline import programs
from pipeline.arrays import Samples, Waveform
from pipeline.audio.samples import to_waveform
from pipeline.console.text import printable
from pipeline.errors import AudioError, CorpusError

CHUNKS_PER_S = 10
BYTES_PER_SAMPLE = 2


def expanded(paths: Iterable[Path]) -> list[Path]:
    """Return files, and the audio files in folders, in order; a line on stderr says what else folders hold.

    Raises
    ------
    CorpusError
        If a folder has none.
    """
    from pipeline.corpus.paths import is_folder, recordings, told

    files, skipped = list[Path](), Counter[str]()
    for path in paths:
        # Those that can't be opened are reported when they are read.
        inside = [path / name for name, _ in recordings(path, ".", skipped)] if is_folder(path) else [path]
        if not inside:
            why = "".join(f" ({printable(line)})" for line in told(skipped))
            raise CorpusError(f"{printable(path)} holds no audio files{why}; name a file, or a folder with some")
        files += inside
    for line in told(skipped):
        print(printable(line), file=sys.stderr)
    return files


def pcm(pipe: io.BufferedReader | BinaryIO, sample_rate: int) -> Iterator[Waveform]:
    """Read raw samples from a pipe, 16-bit little-endian mono, in chunks of up to a tenth of a second.

    Raises
    ------
    AudioError
        ``odd_bytes``, if the last sample is incomplete.
    """
    while content := pipe.read(BYTES_PER_SAMPLE * max(sample_rate // CHUNKS_PER_S, 1)):
        if len(content) % BYTES_PER_SAMPLE:
            raise AudioError(
                "odd_bytes", "raw audio ends in the middle of a sample; send 16-bit little-endian mono PCM"
            )
        yield to_waveform(np.frombuffer(content, "<i2"))


@contextmanager
def microphone(sample_rate: int) -> Iterator[io.BufferedReader]:
    """Record from the default input device through SoX: a pipe of raw samples as `pcm` reads them.

    Raises
    ------
    AudioError
        ``microphone``, if it can't be opened.
    ProgramError
        If SoX is not installed.
    """
    command = [programs.require("sox"), "-q", "-d", *_raw(sample_rate), "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as recorder:
        pipe, messages = cast(io.BufferedReader, recorder.stdout), cast(io.BufferedReader, recorder.stderr)
        try:
            if not pipe.peek(1):
                reason = programs.last_line(messages.read())
                raise AudioError("microphone", f"the microphone can't be opened ({reason}); plug one in or free it")
            yield pipe
        finally:
            recorder.terminate()


def loudspeaker(samples: Samples, sample_rate: int) -> None:
    """Play samples on the default output device through SoX.

    Raises
    ------
    AudioError
        ``loudspeaker``, if it can't be opened.
    ProgramError
        If SoX is not installed.
    """
    command = [programs.require("sox"), "-q", *_raw(sample_rate), "-", "-d"]
    done = subprocess.run(command, input=samples.astype("<i2").tobytes(), capture_output=True, check=False)
    if done.returncode:
        reason = programs.last_line(done.stderr)
        raise AudioError("loudspeaker", f"the loudspeaker can't be opened ({reason}); name a file to write instead")


def _raw(sample_rate: int) -> list[str]:
    """Return SoX's options for raw 16-bit mono."""
    return ["-t", "raw", "-r", str(sample_rate), "-e", "signed", "-b", "16", "-c", "1"]
