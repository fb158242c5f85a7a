"""Language recognition as detection: is it this language or not? Costs, error rates and the quality of the odds.

Recordings are given by `truth`, the number of each one's language, shape (recordings,), and `posteriors` or log
`ratios` over the languages, shape (recordings, languages). Every language has a recording.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.decision import POSTERIOR_FLOOR

Numbers = NDArray[np.float64]


def log_ratios(posteriors: Numbers) -> Numbers:
    """Return detection scores log p(l) - log mean of the others' p, shape (recordings, languages): 0 is even odds.

    Rows of posteriors need not sum to 1.

    Examples
    --------
    0.5 against a mean of 0.25, and twice 0.25 against a mean of 0.375:

    >>> log_ratios(np.array([[0.5, 0.25, 0.25]])).round(3)
    array([[ 0.693, -0.405, -0.405]])
    """
    likely = np.maximum(posteriors, POSTERIOR_FLOOR)
    likely /= likely.sum(axis=1, keepdims=True)
    others = (likely.sum(axis=1, keepdims=True) - likely) / (likely.shape[1] - 1)
    ratios: Numbers = np.log(likely) - np.log(np.maximum(others, POSTERIOR_FLOOR))
    return ratios


def costs(truth: NDArray[np.int64], ratios: Numbers) -> tuple[Numbers, Numbers]:
    """Return the cost of each recording in errors at even odds and in bits, each of shape (recordings,).

    It is [cost at the detector of its language + mean cost at all others] / 2. The mean over languages of the mean over
    their recordings is the average detection cost: with errors C_avg (NIST LRE 2015 evaluation plan, section 3), with
    bits, of which even odds cost 1, C_llr (Brümmer and van Leeuwen, "On calibration of language recognition scores",
    Odyssey 2006).

    Examples
    --------
    The first recording is rejected by both detectors, at even odds and at odds far below; the second is accepted by
    both:

    >>> errors, bits = costs(np.array([0, 1]), np.array([[0.0, -20.0], [2.0, 3.0]]))
    >>> errors.tolist(), bits.round(3).tolist()
    ([0.5, 0.5], [0.5, 1.569])
    """
    is_target = truth[:, None] == np.arange(ratios.shape[1])
    bits = np.logaddexp(0, np.where(is_target, -ratios, ratios)) / np.log(2)
    weights = np.where(is_target, 1, 1 / (ratios.shape[1] - 1)) / 2
    return (((ratios > 0) != is_target) * weights).sum(axis=1), (bits * weights).sum(axis=1)


def min_c_avg(truth: NDArray[np.int64], ratios: Numbers) -> float:
    """Return C_avg at the threshold, one for all languages, that makes it lowest.

    What C_avg exceeds it by is lost by the scale of the posteriors, not by the ranking of the recordings.

    Examples
    --------
    At even odds, both recordings are accepted as the first language only. A higher threshold rejects the second one
    there, a lower one accepts it as its own:

    >>> min_c_avg(np.array([0, 1]), log_ratios(np.array([[0.9, 0.1], [0.6, 0.4]])))
    0.25
    """
    n_languages = ratios.shape[1]
    recordings = np.bincount(truth, minlength=n_languages)[truth, None]
    is_target = truth[:, None] == np.arange(n_languages)
    # What the cost changes by if a score is rejected: a target is missed, or a false alarm less.
    shares = np.where(is_target, 1, -1 / (n_languages - 1)) / (2 * n_languages * recordings)
    order = np.argsort(ratios, axis=None)
    ordered = ratios.ravel()[order]
    averages = 0.5 + np.cumsum(shares.ravel()[order])  # if this score and all lower ones are rejected; 0.5 if none is
    lowest = min(0.5, averages[np.append(ordered[1:] > ordered[:-1], True)].min())
    return round(float(lowest), 12)  # without what the sum was rounded by


def det_curve(is_target: NDArray[np.bool_], ratios: Numbers) -> Numbers:
    """Return the rates of misses and false alarms of one detector at every threshold, shape (2, thresholds).

    Misses ascend.

    Parameters
    ----------
    is_target
        True for recordings of the language, shape (recordings,).
    ratios
        Higher means more likely, shape (recordings,).

    Examples
    --------
    >>> det_curve(np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0])).tolist()
    [[0.0, 0.0, 0.5, 0.5, 1.0], [1.0, 0.5, 0.5, 0.0, 0.0]]
    """
    from sklearn.metrics import roc_curve  # takes a second to import

    alarms, hits, _ = roc_curve(is_target, ratios)  # without points on a straight line
    return np.stack([1 - hits, alarms])[:, ::-1]


def eer(is_target: NDArray[np.bool_], ratios: Numbers) -> float:
    """Return the equal error rate of a detector, at which misses are as frequent as false alarms.

    Between two thresholds both rates move along a straight line (the convex hull is not taken).

    Examples
    --------
    At a threshold of 3, one of two targets is missed and one of two others accepted:

    >>> eer(np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0]))
    0.5
    """
    misses, alarms = det_curve(is_target, ratios)
    return float(np.interp(0.0, misses - alarms, misses))
