"""SoX's rule and the detector give the same for blocks of any size. `test_recording` compares them with SoX."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.silence.compiled import CompiledRule
from pipeline.silence.detector import Detector
from pipeline.silence.gain import HELD_S, levelled
from pipeline.silence.rule import DURATION_S, SoxRule
from pipeline.silence.spans import frame_flags, sox_spans, tidy
from tests.audio.signals import babble

RATE, HOP = 16000, 160
DURATIONS = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 0.7])


@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 159, 160, 161, 320, 640]), st.integers(0, 60_000)),
    most=st.sampled_from([1, 7, 160, 1000, 100_000]),
    detection=st.builds(
        params.Detection,
        automatic_gain=st.booleans(),
        threshold=st.sampled_from([0.3, 1.0, 3.0]),
        **dict.fromkeys(("min_speech", "min_silence", "pad"), DURATIONS),
    ),
)
def test_flags_of_the_stream_are_those_of_the_recording(
    seed: int, n_samples: int, most: int, detection: params.Detection
) -> None:
    n_samples = n_samples if most > 1 else min(n_samples, 3000)
    signal, rule = babble(seed, n_samples), SoxRule(RATE, detection.threshold)
    spans = tidy(sox_spans(levelled([signal], RATE, detection), rule), n_samples, RATE, detection)
    expected = frame_flags(spans, n_samples, HOP, 0, 1 + n_samples // HOP)

    detector, rng, decided, at = Detector(RATE, HOP, detection), np.random.default_rng(seed), [], 0
    wait = DURATION_S + detection.min_speech + detection.min_silence + detection.pad + detection.automatic_gain * HELD_S
    while at < n_samples:
        chunk = signal[at : at + int(rng.integers(1, most + 1))]
        at += len(chunk)
        decided.append(detector.accept(chunk))
        assert at - sum(map(len, decided)) * HOP <= wait * RATE + 2 * HOP  # no flag waits longer than necessary
    decided.append(detector.finish())
    np.testing.assert_array_equal(np.concatenate(decided), expected)


RULES = (SoxRule, CompiledRule)


@pytest.mark.parametrize("make", RULES)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 30_000), max_size=30))
def test_the_size_of_blocks_does_not_matter(make: type[SoxRule], seed: int, cuts: list[int]) -> None:
    signal = babble(seed, 30_000)
    whole, rule, changes = SoxRule(RATE, 1.0), make(RATE, 1.0), list[tuple[bool, int]]()
    for block in np.split(signal, sorted(cuts)):
        undecided = rule.undecided
        found = rule.accept(block)
        assert all(sample >= undecided for _, sample in found)  # a decision is never taken back
        changes += found
    assert changes == whole.accept(signal)
    assert (rule.n_samples, rule.open, rule.undecided) == (30_000, whole.open, whole.undecided)


@given(seed=st.integers(0, 2**32), rate=st.sampled_from([8000, 11_025, 16_000]), threshold=st.floats(0.05, 30.0))
def test_the_compiled_rule_is_the_rule_and_starts_and_stops_alternate(seed: int, rate: int, threshold: float) -> None:
    signal = babble(seed, 20_000)
    changes = CompiledRule(rate, threshold).accept(signal)
    assert changes == SoxRule(rate, threshold).accept(signal)
    assert [starts for starts, _ in changes] == [number % 2 == 0 for number in range(len(changes))]
    assert all(first < second for (_, first), (_, second) in itertools.pairwise(changes))
