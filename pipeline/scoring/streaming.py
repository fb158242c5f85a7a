"""Streaming scoring: the audio of a recording through an Identifier, every frame compared with the offline stages."""

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.audio.samples import to_waveform
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import ExportError
from pipeline.streaming.identifier import Frames, Identifier

CHUNK_SAMPLES = 1600
BLOCK_SAMPLES = 300 * CHUNK_SAMPLES  # read at a time, so that memory does not grow with a recording


def frames(identifier: Identifier, wav: Wav, n_frames: int, offline: Callable[[int, int], Frames]) -> Iterator[Frames]:
    """Stream a recording and yield its frames, some seconds at a time, all equal to the offline ones.

    Parameters
    ----------
    n_frames
        Frames of the recording in the feature store.
    offline
        Returns frames start:stop of the recording, in order.

    Raises
    ------
    ExportError
        If the stream differs: in a speech flag, in a posterior by more than the tolerance, or in the number of frames.
    """
    for streamed in _stream(identifier, wav):
        _require_equal(wav.name, identifier, streamed, offline(streamed.first, identifier.decided))
        yield streamed
    if identifier.decided != n_frames:
        raise _unequal(wav.name, f"{identifier.decided} frames instead of {n_frames}")


def _stream(identifier: Identifier, wav: Wav) -> Iterator[Frames]:
    identifier.reset_states()
    read, start, more = Reader(wav), 0, True
    while more:
        block = to_waveform(read(start, start + BLOCK_SAMPLES))
        start, more = start + len(block), len(block) == BLOCK_SAMPLES
        parts = [identifier.accept(block[at : at + CHUNK_SAMPLES]) for at in range(0, len(block), CHUNK_SAMPLES)]
        if not more:
            parts.append(identifier.finish())
        yield Frames(
            parts[0].first,
            np.concatenate([part.speech for part in parts]),
            np.concatenate([part.posteriors for part in parts]),
        )


def _require_equal(name: str, identifier: Identifier, streamed: Frames, offline: Frames) -> None:
    if not np.array_equal(streamed.speech, offline.speech):
        raise _unequal(name, "other speech flags")
    seen, tolerance = identifier.description.seen(streamed.speech), identifier.description.tolerance
    difference = float(np.abs(streamed.posteriors[seen] - offline.posteriors[seen]).max(initial=0))
    if not difference <= tolerance:  # NaN is a difference as well
        raise _unequal(name, f"a posterior is off by {difference:.2g}, more than {tolerance:g}")


def _unequal(name: str, how: str) -> ExportError:
    return ExportError(f"the stream of {name} differs from the offline stages ({how}); run `dvc repro` to export again")
