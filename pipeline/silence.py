"""Which samples are speech: SoX's decision, kept as spans on the recording's own timeline.

SoX gives back the samples that it keeps but not where they were. Its rule, written again in `kept_spans`, says where,
and `detect` checks on every recording that the samples there are SoX's own output. (Carrying sample numbers through SoX
in extra channels does not give the answer of a one-channel run: SoX tests the channels one at a time, each with only
its own newest sample, so the moment at which it stops differs by some samples in a fifth of random signals.)
"""

import logging
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import audio, params, programs
from pipeline.audio import FULL_SCALE, Samples

Spans = NDArray[np.int64]  # shape (spans, 2): samples start:end, in order, apart

DURATION = 0.02  # s that SoX waits before it starts or stops; min_speech, min_silence and pad are applied to its spans
_SOX_MAX = 2**31 - 1  # SoX computes in 32-bit samples
_SOX_SCALE = 2**16  # one step of a 16-bit sample in SoX's
_SOX_STEP = 2**7  # SoX compares levels cut to the precision of its input: 25 of 32 bits for float32


def detect(samples: Samples, sample_rate: int, detection: params.Detection) -> Spans:
    """Spans of speech in a whole recording: SoX's, then min_silence, min_speech and pad.

    Parameters
    ----------
    samples
        16-bit mono, shape (samples,).

    Returns
    -------
    Spans of speech, shape (spans, 2); none where all is silence.
    """
    spans = kept_spans(samples, sample_rate, detection.threshold)
    if not np.array_equal(cut(samples, spans), run_sox(samples, sample_rate, detection.threshold)):
        raise RuntimeError("SoX kept other samples than its rule does; please report this with the recording and SoX's version")
    return tidy(spans, len(samples), sample_rate, detection)


def detect_file(path: Path, sample_rate: int, detection: params.Detection) -> Spans:
    """`detect` on a file that ingest wrote."""
    return detect(audio.read(path), sample_rate, detection)


def run_sox(samples: Samples, sample_rate: int, threshold: float) -> Samples:
    """What SoX's `silence` effect leaves of a recording, throughout: shape (kept,), at most as long as `samples`."""
    programs.require("sox")
    import sox

    logging.getLogger("sox").setLevel(logging.ERROR)
    transformer = sox.Transformer()
    transformer.silence(location=0, silence_threshold=threshold, min_silence_duration=DURATION)
    # As float32, so that SoX compares levels at 32 bits; 16-bit input would be compared after rounding to 16.
    scaled = samples.astype(np.float32) / FULL_SCALE
    kept = transformer.build_array(input_array=scaled, sample_rate_in=sample_rate)
    return np.rint(kept * FULL_SCALE).astype(np.int16)


def kept_spans(samples: Samples, sample_rate: int, threshold: float) -> Spans:
    """Where SoX's rule keeps samples.

    SoX waits until the level has been above the threshold for 20 ms, keeps from the first of them on, and stops when it
    has been at or below it for 20 ms, which are dropped; then it forgets the level and waits again. The level is the RMS
    of the last 20 ms, the newest sample included.

    Parameters
    ----------
    samples
        16-bit mono, shape (samples,).
    threshold
        Percent of full scale, compared with the RMS.
    """
    window = sample_rate // 50
    wait = int(DURATION * sample_rate + 0.5)
    least = least_energy(window, threshold)
    total = np.concatenate([[0], np.cumsum(samples.astype(np.int64) ** 2)])
    energy = total[1:].copy()
    energy[window:] -= total[1:-window]
    above = energy >= least
    starts, stops = _runs(above, wait), _runs(~above, wait)

    spans: list[tuple[int, int]] = []
    position = 0  # where SoX began to wait with an empty window
    while (start := _start(position, total, above, starts, window, wait, least)) is not None:
        ahead = np.searchsorted(stops, start + wait)
        if ahead == len(stops):
            spans.append((start, len(samples)))
            break
        spans.append((start, int(stops[ahead])))
        position = int(stops[ahead]) + wait
    return np.array(spans, np.int64).reshape(-1, 2)


def tidy(spans: Spans, samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Join spans less than min_silence apart, drop those shorter than min_speech, widen the rest by pad on both sides."""
    if not len(spans):
        return spans
    joined = _join(spans, round(detection.min_silence * sample_rate))
    kept = joined[joined[:, 1] - joined[:, 0] >= round(detection.min_speech * sample_rate)]
    pad = round(detection.pad * sample_rate)
    return _join(np.clip(kept + [-pad, pad], 0, samples), 1)


def cut(samples: Samples, spans: Spans) -> Samples:
    """The samples inside the spans, joined: shape (kept,)."""
    return np.concatenate([samples[start:end] for start, end in spans] or [samples[:0]])


def flags(spans: Spans, samples: int, hop_length: int, first: int, count: int) -> NDArray[np.bool_]:
    """Whether frames first:first+count are speech: whether their middle sample lies in a span. Shape (count,)."""
    middle = np.minimum(np.arange(first, first + count) * hop_length, samples - 1)
    edge = np.searchsorted(spans.ravel(), middle, side="right")
    return edge % 2 == 1


def least_energy(window: int, threshold: float) -> int:
    """The smallest sum of squared 16-bit samples over a window that SoX finds above the threshold.

    SoX takes the root in double precision, cuts it to its input's precision and compares that; written as SoX does it,
    then inverted by bisection, so that the whole rule can be kept in exact integers.
    """

    def above(energy: int) -> bool:
        level = int(math.sqrt(float(energy * _SOX_SCALE**2) / window))
        return level // _SOX_STEP * _SOX_STEP / _SOX_MAX * 100 > threshold

    low, high = 0, window * FULL_SCALE**2 + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if above(middle) else (middle + 1, high)
    return low


def _runs(holds: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """First indices of the runs of True that are at least so long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    return begins[ends - begins >= length]


def _start(
    position: int,
    total: NDArray[np.int64],
    above: NDArray[np.bool_],
    starts: NDArray[np.int64],
    window: int,
    wait: int,
    least: int,
) -> int | None:
    """Where SoX starts to keep, having begun to wait at `position` with an empty window; None if never."""
    samples = len(above)
    # Until the window has filled, the level counts from `position` on and can only rise.
    first = int(np.searchsorted(total[position + 1 : position + window + 1], total[position] + least)) + position
    filled = min(position + window, samples)
    if first < filled:
        below = np.flatnonzero(~above[filled : first + wait])
        if first + wait <= samples and not len(below):
            return first
    ahead = np.searchsorted(starts, filled)
    return int(starts[ahead]) if ahead < len(starts) else None


def _join(spans: Spans, gap: int) -> Spans:
    """Join neighbours less than `gap` samples apart, or touching."""
    if not len(spans):
        return spans
    apart = spans[1:, 0] - spans[:-1, 1] >= max(gap, 1)
    return np.stack([spans[np.r_[True, apart], 0], spans[np.r_[apart, True], 1]], axis=1)
