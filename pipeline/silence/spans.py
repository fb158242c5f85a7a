"""Spans of speech on a recording's own timeline, and the speech flags of its frames."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.audio.samples import Samples
from pipeline.silence.rule import SoxRule

Spans = NDArray[np.int64]  # shape (spans, 2): samples start:end, in order, apart
Flags = NDArray[np.bool_]  # whether each frame is speech, shape (frames,)


def kept_spans(blocks: Iterable[Samples], sample_rate: int, threshold: float) -> Spans:
    """Where SoX keeps samples of a whole recording, in blocks of any size: `SoxRule` over all of it."""
    rule = SoxRule(sample_rate, threshold)
    edges = [sample for block in blocks for _, sample in rule.accept(block)]
    if rule.open:
        edges.append(rule.heard)
    return np.array(edges, np.int64).reshape(-1, 2)


def tidy(spans: Spans, samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Join spans less than min_silence apart, drop those under min_speech, widen the rest by pad on both sides."""
    if not len(spans):
        return spans
    joined = _join(spans, round(detection.min_silence * sample_rate))
    kept = joined[joined[:, 1] - joined[:, 0] >= round(detection.min_speech * sample_rate)]
    pad = round(detection.pad * sample_rate)
    return _join(np.clip(kept + np.array([-pad, pad]), 0, samples), 1)


def cut(samples: Samples, spans: Spans) -> Samples:
    """The samples inside the spans, joined: shape (kept,)."""
    return np.concatenate([samples[start:end] for start, end in spans] or [samples[:0]])


def frame_flags(spans: Spans, samples: int, hop_length: int, first: int, count: int) -> Flags:
    """Whether frames first:first+count are speech: whether their middle sample lies in a span. Shape (count,)."""
    middle = np.minimum(np.arange(first, first + count) * hop_length, samples - 1)
    return np.asarray(np.searchsorted(spans.ravel(), middle, side="right") % 2 == 1)


def within(spans: Spans, start: int, samples: int) -> Spans:
    """What of the spans lies in so many samples from `start` on, counted from there."""
    first, last = np.searchsorted(spans[:, 1], start, "right"), np.searchsorted(spans[:, 0], start + samples)
    return np.clip(spans[first:last] - start, 0, samples)


def _join(spans: Spans, gap: int) -> Spans:
    """Join neighbours less than `gap` samples apart, or touching."""
    if not len(spans):
        return spans
    apart = spans[1:, 0] - spans[:-1, 1] >= max(gap, 1)
    return np.stack([spans[np.r_[True, apart], 0], spans[np.r_[apart, True], 1]], axis=1)
