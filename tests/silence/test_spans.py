"""Spans: joined, dropped, padded and turned into flags as on a list of samples."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Spans
from pipeline.silence.spans import frame_flags, tidy, within

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
    detection = params.Detection(
        automatic_gain=False, threshold=1.0, min_speech=least / rate, min_silence=gap / rate, pad=pad / rate
    )
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
