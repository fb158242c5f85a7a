"""Spans of speech on a recording's own timeline, and the speech flags of its frames."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.arrays import Flags, Samples, Spans
from pipeline.silence.rule import SoxRule


@dataclass(frozen=True)
class Durations:
    """The durations of `params.Detection`, in samples.

    Examples
    --------
    >>> detection = params.Detection(threshold=1.0, min_speech=0.1, min_silence=0.2, pad=0.05)
    >>> Durations.of(detection, 16000)
    Durations(min_silence=3200, min_speech=1600, pad=800)
    """

    min_silence: int
    min_speech: int
    pad: int

    @classmethod
    def of(cls, detection: params.Detection, sample_rate: int) -> "Durations":
        """Round them to samples. Silence lasts at least one: spans that touch are joined."""
        return cls(
            min_silence=max(1, round(detection.min_silence * sample_rate)),
            min_speech=round(detection.min_speech * sample_rate),
            pad=round(detection.pad * sample_rate),
        )


def sox_spans(blocks: Iterable[Samples], rule: SoxRule) -> Spans:
    """Find the samples of a recording that SoX keeps.

    Parameters
    ----------
    blocks
        The whole recording, in blocks of any size.
    rule
        A new one.

    Examples
    --------
    >>> signal = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000])
    >>> sox_spans([signal], SoxRule(16000, threshold=1.0))
    array([[1000, 5319]])
    """
    edges = [sample for block in blocks for _, sample in rule.accept(block)]
    if rule.open:
        edges.append(rule.n_samples)
    return np.array(edges, np.int64).reshape(-1, 2)


def tidy(spans: Spans, n_samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Join spans less than min_silence apart, drop those shorter than min_speech, pad the rest on both sides.

    Parameters
    ----------
    spans
        The samples that SoX keeps, from `sox_spans`.
    n_samples
        Length of the recording: padding ends there.

    Examples
    --------
    >>> detection = params.Detection(threshold=1.0, min_speech=0.1, min_silence=0.2, pad=0.05)
    >>> tidy(np.array([[500, 900], [1000, 2000], [5000, 5050]]), 6000, 1000, detection)
    array([[ 450, 2050]])
    """
    durations = Durations.of(detection, sample_rate)
    joined = _join(spans, durations.min_silence)
    speech = joined[joined[:, 1] - joined[:, 0] >= durations.min_speech]
    return _join(np.clip(speech + np.array([-durations.pad, durations.pad]), 0, n_samples), gap=1)


def cut(samples: Samples, spans: Spans) -> Samples:
    """Join the samples inside the spans, shape (samples in spans,).

    >>> cut(np.arange(10, dtype=np.int16), np.array([[1, 3], [7, 9]]))
    array([1, 2, 7, 8], dtype=int16)
    """
    return np.concatenate([samples[start:end] for start, end in spans] or [samples[:0]])


def frame_flags(spans: Spans, n_samples: int, hop_length: int, first: int, count: int) -> Flags:
    """Flag the frames among first:first+count whose middle sample lies in a span, shape (count,).

    Frame t is centred on sample t * hop_length; if that is beyond the end, the last sample counts.

    >>> frame_flags(np.array([[100, 300]]), n_samples=500, hop_length=100, first=0, count=6)
    array([False,  True,  True, False, False, False])
    """
    middle = np.minimum(np.arange(first, first + count) * hop_length, n_samples - 1)
    return np.asarray(np.searchsorted(spans.ravel(), middle, side="right") % 2 == 1)


def within(spans: Spans, start: int, n_samples: int) -> Spans:
    """Return the parts of spans within `n_samples` samples from `start` on, counted from `start`.

    Examples
    --------
    >>> within(np.array([[100, 300], [500, 900]]), start=200, n_samples=400).tolist()
    [[0, 100], [300, 400]]
    """
    first, last = np.searchsorted(spans[:, 1], start, "right"), np.searchsorted(spans[:, 0], start + n_samples)
    return np.clip(spans[first:last] - start, 0, n_samples)


def _join(spans: Spans, gap: int) -> Spans:
    """Join neighbours less than `gap` samples apart; 1 joins those that touch or overlap."""
    if not len(spans):
        return spans
    apart = spans[1:, 0] - spans[:-1, 1] >= gap
    return np.stack([spans[np.r_[True, apart], 0], spans[np.r_[apart, True], 1]], axis=1)
