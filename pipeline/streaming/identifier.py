"""A stream of raw audio in, the language frame by frame out: `Identifier`, on the folder that export writes.

    audio ─► 16-bit mono at one rate ─┬─► MFCCs ──┬─► step network ─► posterior of every frame ─► decision
                                      └─► speech? ┘

Chunks may be of any size: every frame, the first and the last included, is the one that the offline stages compute.
"""

import math
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.audio.resample import FASTEST, SLOWEST, Resampler
from pipeline.console.text import brief
from pipeline.errors import ArgumentError, ArtifactError, AudioError
from pipeline.mfcc import Features, Framer, Kernel
from pipeline.silence.detector import Detector
from pipeline.silence.spans import Flags
from pipeline.streaming import runtimes
from pipeline.streaming.decision import Decision
from pipeline.streaming.description import FRONT_END, Description
from pipeline.streaming.runtimes import REMEDY, Network


@dataclass(frozen=True)
class Frames:
    """Frames that a stream has decided.

    Attributes
    ----------
    first
        Number of the first of them in the stream; frame t is centred on t * hop_length samples.
    speech
        Shape (frames,).
    posteriors
        Shape (frames, classes); NaN for frames that silence.strategy `remove` keeps from the network.
    """

    first: int
    speech: Flags
    posteriors: Features


class Identifier:
    """A stream of audio and the language that it is in.

    One stream is one object; `stream` makes another on the same loaded model. Calls on one object from several threads
    wait for each other.

    Attributes
    ----------
    description
        What the model was exported with.
    decision
        The language so far.
    decided
        Frames so far.
    frame_s
        Seconds from one frame to the next.
    kernel
        What computes its MFCCs.
    """

    def __init__(self, network: Network, description: Description, kernel: Kernel, sample_rate: int | None) -> None:
        self._network, self.description, self.kernel = network, description, kernel
        self.sample_rate = description.sample_rate if sample_rate is None else _allowed(sample_rate)
        self.frame_s = description.mfcc.hop_length / description.sample_rate
        self._states = network.stream()
        self._lock = threading.Lock()
        self._finished = False
        self._begin()

    @classmethod
    def load(cls, folder: Path | str, runtime: runtimes.Name = "litert", sample_rate: int | None = None) -> Self:
        """Load an exported model.

        Parameters
        ----------
        folder
            What export wrote: artifacts/streaming.
        runtime
            `litert` and `onnx` need no TensorFlow.
        sample_rate
            Hz, of the audio that will come; the model's own if it is not given.

        Raises
        ------
        ArgumentError
            If the runtime is unknown, or the sample rate is not a whole number from 4,000 to 768,000.
        ArtifactError
            If a file is missing, altered or of another version.
        """
        folder = Path(folder)
        description = Description.read(folder)
        if not description.streaming:
            raise ArtifactError(
                f"{folder} holds a model that can't stream (export.streaming false); it only scores, offline"
            )
        checksums.check(folder, [FRONT_END], REMEDY)
        with np.load(folder / FRONT_END, allow_pickle=False) as arrays:
            kernel = Kernel(arrays["window"], arrays["mel"], arrays["cosines"], description.mfcc.hop_length)
        return cls(runtimes.load(folder, runtime, description.states), description, kernel, sample_rate)

    def stream(self, sample_rate: int | None = None) -> "Identifier":
        """Another stream, independent of this one, through the same network in memory.

        Parameters
        ----------
        sample_rate
            Hz, as for `load`.

        Raises
        ------
        ArgumentError
            If the sample rate is not a whole number from 4,000 to 768,000.
        """
        return Identifier(self._network, self.description, self.kernel, sample_rate)

    def accept(self, samples: NDArray[np.floating[Any]]) -> Frames:
        """Take more audio and give back the frames that are decided with it, maybe none.

        Parameters
        ----------
        samples
            Mono, shape (samples,), floating point, full scale ±1, at the stream's sample rate.

        Raises
        ------
        AudioError
            For anything else, and after `finish`. The stream is then as it was.
        """
        with self._lock:
            self._check(samples)
            return self._advance(self._resampler.accept(np.asarray(samples, np.float32)))

    def finish(self) -> Frames:
        """End the stream: give back its last frames. Only `reset_states` makes it usable again."""
        with self._lock:
            if self._finished:
                raise AudioError("finished", "the stream is finished; call reset_states() to begin another")
            self._finished = True
            return self._advance(self._resampler.finish(), last=True)

    def reset_states(self) -> None:
        """Forget everything heard: the next chunk begins a new stream, with the answers of a new object."""
        with self._lock:
            self._states.reset_states()
            self._begin()

    def _begin(self) -> None:
        about = self.description
        self._resampler = Resampler(self.sample_rate, about.sample_rate)
        self._framer = Framer(self.kernel)
        self._detector = Detector(about.sample_rate, about.mfcc.hop_length, about.silence)
        self._features: deque[Features] = deque()  # frames that wait for their speech flags
        self._speech: deque[np.bool_] = deque()  # and flags that wait for their frames
        self.decided = 0
        self._finished = False
        self.decision = Decision(about.classes, about.languages)

    def _check(self, samples: NDArray[Any]) -> None:
        if self._finished:
            raise AudioError("finished", "samples after finish(); call reset_states() to begin another stream")
        if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype.kind != "f":
            given = (
                f"{samples.dtype} of shape {samples.shape}"
                if isinstance(samples, np.ndarray)
                else type(samples).__name__
            )
            raise AudioError("not_mono_float", f"samples are {given}; give one channel, floating point, full scale ±1")
        peak = float(np.abs(samples).max(initial=0))  # NaN if any sample is
        if not math.isfinite(peak):
            raise AudioError("not_finite", "samples hold NaN or infinity; give finite numbers within ±1")
        if peak > 1:
            raise AudioError("out_of_range", f"samples reach {peak:g}; scale them to ±1")

    def _advance(self, samples: NDArray[np.int16], last: bool = False) -> Frames:
        self._features.extend(self._framer.accept(samples))
        self._speech.extend(self._detector.accept(samples))
        if last:
            self._features.extend(self._framer.finish())
            self._speech.extend(self._detector.finish())
        count = min(len(self._features), len(self._speech))
        speech = np.array([self._speech.popleft() for _ in range(count)], np.bool_)
        posteriors = np.full((count, len(self.description.classes)), np.nan, np.float32)
        removes = self.description.silence.strategy == "remove"
        for number in range(count):
            frame = self._features.popleft()
            if speech[number] or not removes:
                posteriors[number] = self._states.step(frame)
        first, self.decided = self.decided, self.decided + count
        self.decision.accept(posteriors[speech], first + np.flatnonzero(speech))
        return Frames(first, speech, posteriors)


def _allowed(sample_rate: object) -> int:
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if not whole or not SLOWEST <= sample_rate <= FASTEST:  # type: ignore[operator]
        raise ArgumentError(
            f"sample_rate is {brief(sample_rate)} but should be a whole number of Hz from {SLOWEST:,} to "
            f"{FASTEST:,}; resample the audio if its rate is another"
        )
    return int(sample_rate)  # type: ignore[call-overload,no-any-return]
