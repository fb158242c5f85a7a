"""Which samples are speech: SoX's decision, kept as spans on the recording's own timeline.

SoX gives back the samples that it keeps but not where they were. Its rule, written again in `SoxRule`, says where,
and `detect` checks on every recording that the samples there are SoX's own output. (Carrying sample numbers through SoX
in extra channels does not give the answer of a one-channel run: SoX tests the channels one at a time, each with only
its own newest sample, so the moment at which it stops differs by some samples in a fifth of random signals.)
"""

import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, cast

import numpy as np

from pipeline import params, programs
from pipeline.audio.samples import FULL_SCALE, Read, Samples
from pipeline.errors import DetectionError
from pipeline.silence.rule import DURATION
from pipeline.silence.spans import Spans, cut, kept_spans, tidy, within

CHUNK = 1 << 19  # samples in memory at a time: 33 s, however long the recording


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
    kept = (cut(part, within(spans, at * CHUNK, len(part))) for at, part in enumerate(parts()))
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
