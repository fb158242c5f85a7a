"""The offline chain on a whole recording: a stream of the same audio has to give these answers at every frame.

samples ─┬─► MFCCs ──────────────────┬─► frames that the network sees ─► posteriors
         └─► SoX's spans ─► flags ───┘
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipeline.arrays import Features, Flags, Posteriors, Samples
from pipeline.mfcc.kernel import Kernel
from pipeline.mfcc.stream import Framer
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import frame_flags, sox_spans, tidy
from pipeline.streaming.description import Description

Predict = Callable[[Features], Posteriors]  # a trained network, on consecutive frames


class Reference(NamedTuple):
    """Every frame of a recording as the offline stages compute it.

    Attributes
    ----------
    features
        MFCCs, shape (frames, n_mfcc).
    speech
        Shape (frames,).
    posteriors
        Shape (frames, classes); NaN for frames that the network does not see.
    """

    features: Features
    speech: Flags
    posteriors: Posteriors


def compute(samples: Samples, kernel: Kernel, description: Description, predict: Predict) -> Reference:
    """Run the offline chain on a recording in memory.

    Parameters
    ----------
    samples
        At the sample rate of the description.
    predict
        Returns the posteriors of frames of MFCCs, starting with the first of a stream.
    """
    framer = Framer(kernel)
    features = np.concatenate([framer.accept(samples), framer.finish()])
    rate, silence, n_samples = description.sample_rate, description.silence, len(samples)
    kept = sox_spans([samples], SoxRule(rate, silence.threshold))
    spans = tidy(kept, n_samples, rate, silence)
    speech = frame_flags(spans, n_samples, kernel.hop_length, 0, len(features))
    return Reference(features, speech, posteriors(features, speech, description, predict))


def posteriors(features: Features, speech: Flags, description: Description, predict: Predict) -> Posteriors:
    """Return the posteriors of frames, shape (frames, classes), from features and flags; NaN for unseen frames."""
    answers = np.full((len(features), len(description.classes)), np.nan, np.float32)
    seen = description.seen(speech)
    if seen.any():
        answers[seen] = predict(features[seen])
    return answers
