"""Streaming scoring: the audio of a recording through an Identifier, every frame compared with the offline stages."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from pipeline.arrays import Waveform
from pipeline.audio.samples import to_waveform
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import ExportError
from pipeline.streaming.identifier import Frames, Identifier, joined

CHUNKS_PER_S = 10
BLOCK_SAMPLES = 480_000  # read at a time, so that memory does not grow with a recording


def streamed(identifier: Identifier, blocks: Iterable[Waveform]) -> Iterator[Frames]:
    """Stream a recording in chunks of 0.1 s; yield the frames that each block completes, then the last ones."""
    size = identifier.sample_rate // CHUNKS_PER_S
    for block in blocks:
        if len(block):
            yield joined([identifier.accept(block[at : at + size]) for at in range(0, len(block), size)])
    yield identifier.finish()


def frames(identifier: Identifier, wav: Wav, n_frames: int, offline: Callable[[int, int], Frames]) -> Iterator[Frames]:
    """Stream a recording and yield its frames, some seconds at a time, all equal to the offline ones.

    Parameters
    ----------
    n_frames
        Number of frames of the recording in the feature store.
    offline
        Returns frames start:stop of the recording, in order.

    Raises
    ------
    ExportError
        If the stream differs: in a speech flag, in a posterior by more than the tolerance, or in the number of frames.
    """
    identifier.reset_states()
    read, description = Reader(wav), identifier.description
    blocks = (to_waveform(read(at, at + BLOCK_SAMPLES)) for at in range(0, wav.n_samples, BLOCK_SAMPLES))
    for found in streamed(identifier, blocks):
        wanted = offline(found.first, identifier.decided)
        if not np.array_equal(found.speech, wanted.speech):
            raise _unequal(wav.name, "other speech flags")
        seen = description.seen(found.speech)
        difference = float(np.abs(found.posteriors[seen] - wanted.posteriors[seen]).max(initial=0))
        if not difference <= description.tolerance:  # NaN is a difference as well
            raise _unequal(wav.name, f"a posterior is off by {difference:.2g}, more than {description.tolerance:g}")
        yield found
    if identifier.decided != n_frames:
        raise _unequal(wav.name, f"{identifier.decided} frames instead of {n_frames}")


def _unequal(name: str, how: str) -> ExportError:
    return ExportError(f"the stream of {name} differs from the offline stages ({how}); run `dvc repro` to export again")
