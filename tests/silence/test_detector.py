"""The streaming detector gives, frame by frame, the flags of the whole recording."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.arrays import Samples
from pipeline.silence.detector import Detector
from pipeline.silence.gain import HELD_S, levelled
from pipeline.silence.rule import DURATION_S, SoxRule
from pipeline.silence.spans import frame_flags, sox_spans, tidy

RATE, HOP = 16000, 160
durations = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 0.7])


@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 159, 160, 161, 320, 640]), st.integers(0, 60_000)),
    most=st.sampled_from([1, 7, 160, 1000, 100_000]),
    threshold=st.sampled_from([0.3, 1.0, 3.0]),
    min_speech=durations,
    min_silence=durations,
    pad=durations,
    automatic_gain=st.booleans(),
)
def test_flags_of_the_stream_are_those_of_the_recording(
    babble: Callable[[int, int], Samples],
    seed: int,
    n_samples: int,
    most: int,
    threshold: float,
    min_speech: float,
    min_silence: float,
    pad: float,
    automatic_gain: bool,
) -> None:
    n_samples = n_samples if most > 1 else min(n_samples, 3000)
    detection = params.Detection(
        automatic_gain=automatic_gain, threshold=threshold, min_speech=min_speech, min_silence=min_silence, pad=pad
    )
    signal = babble(seed, n_samples)
    spans = tidy(sox_spans(levelled([signal], RATE, detection), SoxRule(RATE, threshold)), n_samples, RATE, detection)
    expected = frame_flags(spans, n_samples, HOP, 0, 1 + n_samples // HOP)

    detector, rng, decided, at = Detector(RATE, HOP, detection), np.random.default_rng(seed), [], 0
    wait = DURATION_S + min_speech + min_silence + pad + (HELD_S if automatic_gain else 0)
    while at < n_samples:
        chunk = signal[at : at + int(rng.integers(1, most + 1))]
        at += len(chunk)
        decided.append(detector.accept(chunk))
        assert at - sum(map(len, decided)) * HOP <= wait * RATE + 2 * HOP  # no flag waits longer than necessary
    decided.append(detector.finish())
    np.testing.assert_array_equal(np.concatenate(decided), expected)
