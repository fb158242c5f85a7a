"""SoX's rule, spans and flags, for blocks of any size. `test_recording` compares the rule with SoX."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Spans
from pipeline.silence.compiled import CompiledRule
from pipeline.silence.detector import Detector
from pipeline.silence.rule import DURATION_S, SoxRule
from pipeline.silence.spans import frame_flags, sox_spans, tidy, within
from tests.audio.signals import babble

RATE, HOP = 16000, 160
DURATIONS = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 0.7])


@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 159, 160, 161, 320, 640]), st.integers(0, 60_000)),
    most=st.sampled_from([1, 7, 160, 1000, 100_000]),
    detection=st.builds(
        params.Detection,
        threshold=st.sampled_from([0.3, 1.0, 3.0]),
        **dict.fromkeys(("min_speech", "min_silence", "pad"), DURATIONS),
    ),
)
def test_flags_of_the_stream_are_those_of_the_recording(
    seed: int, n_samples: int, most: int, detection: params.Detection
) -> None:
    n_samples = n_samples if most > 1 else min(n_samples, 3000)
    signal = babble(seed, n_samples)
    spans = tidy(sox_spans([signal], SoxRule(RATE, detection.threshold)), n_samples, RATE, detection)
    expected = frame_flags(spans, n_samples, HOP, 0, 1 + n_samples // HOP)

    detector, rng, decided, at = Detector(RATE, HOP, detection), np.random.default_rng(seed), [], 0
    wait = DURATION_S + detection.min_speech + detection.min_silence + detection.pad
    while at < n_samples:
        chunk = signal[at : at + int(rng.integers(1, most + 1))]
        at += len(chunk)
        decided.append(detector.accept(chunk))
        assert at - sum(map(len, decided)) * HOP <= wait * RATE + 2 * HOP  # no flag waits longer than necessary
    decided.append(detector.finish())
    np.testing.assert_array_equal(np.concatenate(decided), expected)


@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([8000, 11_025, 16_000]),
    threshold=st.floats(0.05, 30.0),
    cuts=st.lists(st.integers(0, 30_000), max_size=30),
)
def test_both_rules_find_alternating_starts_and_stops_in_blocks_of_any_size(
    seed: int, rate: int, threshold: float, cuts: list[int]
) -> None:
    signal, whole = babble(seed, 30_000), SoxRule(rate, threshold)
    wanted = whole.accept(signal)
    assert [starts for starts, _ in wanted] == [number % 2 == 0 for number in range(len(wanted))]
    assert all(first < second for (_, first), (_, second) in itertools.pairwise(wanted))
    for rule in (SoxRule(rate, threshold), CompiledRule(rate, threshold)):
        changes = list[tuple[bool, int]]()
        for block in np.split(signal, sorted(cuts)):
            undecided = rule.undecided
            found = rule.accept(block)
            assert all(sample >= undecided for _, sample in found)  # a decision is never taken back
            changes += found
        assert changes == wanted
        assert (rule.n_samples, rule.open, rule.undecided) == (30_000, whole.open, whole.undecided)


N_SAMPLES = 3000

any_spans = st.lists(st.integers(0, N_SAMPLES), unique=True, max_size=12).map(
    lambda edges: np.array(sorted(edges)[: len(edges) // 2 * 2], np.int64).reshape(-1, 2)
)


def inside(spans: Spans) -> NDArray[np.bool_]:
    """Tell for every sample if it lies in a span."""
    samples = np.zeros(N_SAMPLES, np.bool_)
    for start, end in spans:
        samples[start:end] = True
    return samples


@given(spans=any_spans, gap=st.integers(0, 400), least=st.integers(0, 400), pad=st.integers(0, 400))
def test_tidy_joins_then_drops_then_pads(spans: Spans, gap: int, least: int, pad: int) -> None:
    speech = inside(spans)
    for start, end in zip(spans[:-1, 1], spans[1:, 0], strict=True):
        if end - start < gap:
            speech[start:end] = True
    expected = np.zeros(N_SAMPLES, np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech, [0]])))
    for start, end in edges.reshape(-1, 2):
        if end - start >= least:
            expected[max(0, start - pad) : end + pad] = True

    rate = 1000
    detection = params.Detection(threshold=1.0, min_speech=least / rate, min_silence=gap / rate, pad=pad / rate)
    tidied = tidy(spans, N_SAMPLES, rate, detection)
    np.testing.assert_array_equal(inside(tidied), expected)
    assert np.all(tidied[1:, 0] > tidied[:-1, 1])  # in order and apart


@given(spans=any_spans, hop=st.integers(1, 400), first=st.integers(0, 5), count=st.integers(0, 8))
def test_a_frame_is_speech_if_its_middle_sample_is(spans: Spans, hop: int, first: int, count: int) -> None:
    speech = inside(spans)
    expected = [speech[min(frame * hop, N_SAMPLES - 1)] for frame in range(first, first + count)]
    np.testing.assert_array_equal(frame_flags(spans, N_SAMPLES, hop, first, count), expected)


@given(spans=any_spans, start=st.integers(0, N_SAMPLES), count=st.integers(0, N_SAMPLES))
def test_spans_of_a_slice_cover_the_same_samples(spans: Spans, start: int, count: int) -> None:
    found = within(spans, start, count)
    assert np.all((found >= 0) & (found <= count))
    np.testing.assert_array_equal(inside(found)[: N_SAMPLES - start][:count], inside(spans)[start : start + count])
