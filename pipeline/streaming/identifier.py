"""From a stream of raw audio to the language, frame by frame: `Identifier`, loaded from the folder that export writes.

    audio ─► 16-bit mono at one rate ─┬─► MFCCs ──┬─► step network ─► posterior of every frame ─► decision
                                      └─► speech? ┘

Chunks may be of any size: every frame, from the first to the last, equals that of the offline stages (`reference`).
"""

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.arrays import Flags, Posteriors, Samples
from pipeline.audio.resample import MAX_RATE_HZ, MIN_RATE_HZ, Resampler
from pipeline.console.text import brief
from pipeline.errors import ArgumentError, ArtifactError, AudioError, Reason
from pipeline.mfcc.kernel import Kernel
from pipeline.mfcc.stream import Framer
from pipeline.silence.detector import Detector
from pipeline.streaming import reference, runtimes
from pipeline.streaming.decision import RunningDecision, prior_of
from pipeline.streaming.description import EXPORT_REMEDY, FRONT_END, Description
from pipeline.streaming.runtimes import Stream
from pipeline.streaming.timeline import Segment, Timeline

SampleRate = int | np.integer[Any]  # Hz

# NumPy parses the header of every array with `ast`, which two threads at once can break before Python 3.11.8
# (python/cpython#106905).
_PARSING = threading.Lock()


@dataclass(frozen=True)
class Frames:
    """Consecutive frames of a recording, with the answers of the network.

    Attributes
    ----------
    first
        Number of the first frame; frame t is centred on t * hop_length samples.
    speech
        Shape (frames,).
    posteriors
        Shape (frames, classes); NaN for frames that the network does not see.
    """

    first: int
    speech: Flags
    posteriors: Posteriors

    def cells(self, frame_s: float) -> Iterator[list[str]]:
        """Yield the frames as rows of CSV: number, time in s, speech, posteriors (empty if not seen).

        >>> frames = Frames(7, np.array([True]), np.array([[0.25, 0.75]], np.float32))
        >>> list(frames.cells(0.01))
        [['7', '0.070', '1', '0.250000', '0.750000']]
        """
        for number, (speech, posteriors) in enumerate(zip(self.speech, self.posteriors, strict=True), self.first):
            numbers = ["" if np.isnan(posterior) else f"{posterior:.6f}" for posterior in posteriors]
            yield [str(number), f"{number * frame_s:.3f}", str(int(speech)), *numbers]


def joined(parts: Sequence[Frames]) -> Frames:
    """Join consecutive frames; at least one part."""
    speech, posteriors = ([getattr(part, name) for part in parts] for name in ("speech", "posteriors"))
    return Frames(parts[0].first, np.concatenate(speech), np.concatenate(posteriors))


class Identifier:
    """Identifies the language of a stream of audio.

    One object is one stream; `stream` opens another on the same loaded model. Threads may share an object: their calls
    run one at a time.

    Attributes
    ----------
    description
        Parameters and classes of the exported model.
    sample_rate
        Sample rate of the audio that it takes, Hz.
    decision
        The language so far, of everything since the beginning.
    timeline
        The language at present, and segments of one language each.
    decided
        Number of frames so far.
    frame_s
        Seconds from one frame to the next.
    kernel
        Computes its MFCCs.

    Examples
    --------
    Needs an export (a test runs this on one). Two seconds of silence, in chunks of 0.1 s:

    >>> stream = Identifier.load("artifacts/streaming", sample_rate=8000)  # doctest: +SKIP
    >>> for _ in range(20):  # doctest: +SKIP
    ...     frames = stream.accept(np.zeros(800, np.float32))
    >>> frames.posteriors.shape[1] == len(stream.description.classes)  # doctest: +SKIP
    True
    >>> last = stream.finish()  # doctest: +SKIP
    >>> stream.decided, stream.decision.language, stream.decision.confidence  # doctest: +SKIP
    (201, None, 0.0)
    """

    def __init__(
        self, network: Stream, description: Description, kernel: Kernel, sample_rate: SampleRate | None
    ) -> None:
        self._network, self.description, self.kernel = network, description, kernel
        self.sample_rate = description.sample_rate if sample_rate is None else _allowed(sample_rate)
        self.frame_s = description.frame_s
        self._states = network.stream()
        self._lock = threading.Lock()
        self._begin()

    @classmethod
    def load(
        cls,
        folder: Path | str,
        runtime: runtimes.Name = "litert",
        sample_rate: SampleRate | None = None,
        languages: Iterable[str] | Mapping[str, float] | None = None,
    ) -> Self:
        """Load an exported model.

        Parameters
        ----------
        folder
            Written by the stage export, such as artifacts/streaming.
        runtime
            `litert` and `onnx` need no TensorFlow.
        sample_rate
            Sample rate of the audio to come, Hz; by default the model's own.
        languages
            The only possible languages, or the prior of each possible one, as `decision.prior_of` takes them.

        Raises
        ------
        ArgumentError
            If the runtime or a language is unknown, the priors do not sum to 1, or the sample rate is not a whole
            number from 4,000 to 768,000.
        ArtifactError
            If a file is missing, altered or of another version.
        """
        folder = Path(folder)
        description = Description.read(folder)
        if not description.streaming:
            raise ArtifactError(f"the model in {folder} can't stream (export.streaming is false), only score offline")
        if languages is not None:
            rule = description.decision.model_copy(update={"prior": prior_of(languages, description.languages)})
            description = description.model_copy(update={"decision": rule})
        checksums.check(folder, [FRONT_END], EXPORT_REMEDY)
        with _PARSING, np.load(folder / FRONT_END, allow_pickle=False) as arrays:
            kernel = Kernel(arrays["window"], arrays["mel"], arrays["cosines"], description.mfcc.hop_length)
        return cls(runtimes.load(folder, runtime, description.states), description, kernel, sample_rate)

    @property
    def segments(self) -> list[Segment]:
        """The last 10,000 segments of one language each; the last of all may not be closed."""
        return self.timeline.segments

    def stream(self, sample_rate: SampleRate | None = None) -> "Identifier":
        """Open another stream, independent of this one, on the same network in memory.

        Parameters
        ----------
        sample_rate
            As for `load`.

        Raises
        ------
        ArgumentError
            If the sample rate is not a whole number from 4,000 to 768,000.
        """
        return Identifier(self._network, self.description, self.kernel, sample_rate)

    def accept(self, samples: NDArray[np.floating[Any]]) -> Frames:
        """Take more audio; return the frames that it completes, possibly none.

        Parameters
        ----------
        samples
            Mono, shape (samples,), floating point, full scale ±1, at the stream's sample rate.

        Raises
        ------
        AudioError
            For anything else, and after `finish`. The stream is left unchanged.
        """
        with self._lock:
            self._require_open()
            _check(samples)
            return self._advance(self._resampler.accept(np.asarray(samples, np.float32)))

    def finish(self) -> Frames:
        """End the stream; return its last frames. Only `reset_states` makes it usable again."""
        with self._lock:
            self._require_open()
            self._finished = True
            return self._advance(self._resampler.finish(), last=True)

    def reset_states(self) -> None:
        """Reset the stream: the next chunk begins a new one, with the answers of a new object."""
        with self._lock:
            self._states.reset_states()
            self._begin()

    def _begin(self) -> None:
        description = self.description
        self._resampler = Resampler(self.sample_rate, description.sample_rate)
        self._framer = Framer(self.kernel)
        self._detector = Detector(description.sample_rate, description.mfcc.hop_length, description.silence)
        self._features = np.zeros((0, description.mfcc.n_mfcc), np.float32)  # that the network has not taken
        self._posteriors = np.zeros((0, len(description.classes)), np.float32)  # waiting for their flags
        self._speech = np.zeros(0, np.bool_)  # flags waiting for their posteriors
        self._finished = False
        self.decided = 0
        self.decision = RunningDecision(description.classes, description.languages, description.decision)
        self.timeline = Timeline(
            description.languages, description.turns, description.decision.prior, description.frame_s
        )

    def _require_open(self) -> None:
        if self._finished:
            raise AudioError("finished", "the stream is finished; call reset_states() to begin another")

    def _advance(self, samples: Samples, last: bool = False) -> Frames:
        new_features, new_speech = [self._framer.accept(samples)], [self._detector.accept(samples)]
        if last:
            new_features.append(self._framer.finish())
            new_speech.append(self._detector.finish())
        features, flags = np.concatenate([self._features, *new_features]), np.concatenate(new_speech)
        speech = np.concatenate([self._speech, flags])
        # Only a network that does not see every frame waits for flags.
        seen = np.ones(len(features), np.bool_) if self.description.sees_all else speech[: len(features)]
        self._features = features[len(seen) :]
        answers = reference.posteriors(features[: len(seen)], seen, self.description, self._states.accept)
        self.timeline.accept(answers, flags)
        posteriors = np.concatenate([self._posteriors, answers])
        count = min(len(posteriors), len(speech))
        self._posteriors, self._speech = posteriors[count:], speech[count:]
        posteriors, speech = posteriors[:count], speech[:count]
        first, self.decided = self.decided, self.decided + count
        self.decision.accept(posteriors[speech], first + np.flatnonzero(speech))
        if last:
            self.timeline.finish()
        return Frames(first, speech, posteriors)


def _allowed(sample_rate: object) -> int:
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    rate = int(sample_rate) if whole else 0  # type: ignore[call-overload]
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        limits = f"from {MIN_RATE_HZ:,} to {MAX_RATE_HZ:,}"
        raise ArgumentError(
            f"sample_rate is {brief(sample_rate)} but should be a whole number of Hz {limits}; resample the audio"
        )
    return rate


def _check(samples: object) -> None:
    """Refuse anything but one channel of finite floating-point numbers within ±1."""
    if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype.kind != "f":
        of = f"{samples.dtype} of shape {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
        raise AudioError("not_mono_float", f"samples are {of}; give one channel, floating point, full scale ±1")
    peak = float(np.maximum.reduce(np.abs(samples), initial=0))  # NaN if any sample is NaN
    if not peak <= 1:
        reason: Reason = "out_of_range" if math.isfinite(peak) else "not_finite"
        raise AudioError(reason, f"samples reach {peak:g}; give finite numbers within ±1")
