"""Language recognition as detection: is it this language or not? Costs, error rates and the quality of the odds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.decision import POSTERIOR_FLOOR


def log_ratios(posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Detection scores log p(l) - log mean of the others' p, shape (recordings, languages): 0 is even odds.

    Examples
    --------
    0.5 against a mean of 0.25, and twice 0.25 against a mean of 0.375:

    >>> log_ratios(np.array([[0.5, 0.25, 0.25]])).round(3)
    array([[ 0.693, -0.405, -0.405]])
    """
    likely = np.maximum(posteriors, POSTERIOR_FLOOR)
    others = (likely.sum(axis=1, keepdims=True) - likely) / (likely.shape[1] - 1)
    ratios: NDArray[np.float64] = np.log(likely) - np.log(np.maximum(others, POSTERIOR_FLOOR))
    return ratios


def c_avg(actual: Sequence[str], posteriors: NDArray[np.float64], languages: Sequence[str]) -> float:
    """Average detection cost of the NIST language recognition evaluations, at even odds and equal costs.

    C_avg = mean over targets T of [P_miss(T) / 2 + mean over N ≠ T of P_fa(T, N) / 2]. 0 is perfect, 0.5 worthless.

    Source: NIST LRE 2015 evaluation plan, section 3.

    Examples
    --------
    One of two English recordings is taken for Hindi: English is missed half the time, Hindi falsely accepted as often.
    C_avg is the mean of 0.5 / 2 and 0.5 / 2:

    >>> posteriors = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    >>> c_avg(["english", "english", "hindi"], posteriors, ["english", "hindi"])
    0.25
    """
    accepts = log_ratios(posteriors) > 0
    truth = np.array([languages.index(name) for name in actual])
    # accept[t, n]: share of the recordings of language n that are accepted as t.
    accept = np.array([accepts[truth == other].mean(axis=0) for other in range(len(languages))]).T
    return float(detection_cost(accept))


def detection_cost(accept: NDArray[np.float64]) -> NDArray[np.float64]:
    """C_avg of accept[..., t, n], the share of the recordings of language n that are accepted as language t.

    Examples
    --------
    >>> float(detection_cost(np.array([[0.5, 0.0], [0.5, 1.0]])))
    0.25
    """
    accepted_right = np.diagonal(accept, axis1=-2, axis2=-1)
    false_alarm = (accept.sum(axis=-1) - accepted_right) / (accept.shape[-1] - 1)
    cost: NDArray[np.float64] = np.mean((1 - accepted_right) / 2 + false_alarm / 2, axis=-1)
    return cost


def eer(is_target: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Equal error rate of a detector: its rate of misses and of false alarms at the threshold where they are equal.

    Parameters
    ----------
    is_target
        True for recordings of the language, shape (recordings,).
    scores
        Higher means more likely, shape (recordings,).

    Examples
    --------
    At a threshold of 3, one of two targets is missed and one of two others accepted:

    >>> eer(np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0]))
    0.5
    """
    thresholds = np.unique(np.append(scores, np.inf))
    misses = np.searchsorted(np.sort(scores[is_target]), thresholds) / is_target.sum()
    alarms = 1 - np.searchsorted(np.sort(scores[~is_target]), thresholds) / (~is_target).sum()
    # Between two thresholds both rates move along a straight line (the convex hull is not taken).
    at = int(np.argmax(misses >= alarms))
    if at == 0:
        return float((misses[0] + alarms[0]) / 2)
    rise = (misses[at] - alarms[at]) - (misses[at - 1] - alarms[at - 1])
    part = (alarms[at - 1] - misses[at - 1]) / rise
    return float(misses[at - 1] + part * (misses[at] - misses[at - 1]))


def det_curve(is_target: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rates of misses and false alarms of a detector at every threshold, shape (2, thresholds), misses ascending.

    Examples
    --------
    >>> det_curve(np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0])).tolist()
    [[0.0, 0.0, 0.5, 0.5, 1.0], [1.0, 0.5, 0.5, 0.0, 0.0]]
    """
    thresholds = np.unique(np.append(scores, np.inf))
    misses = np.searchsorted(np.sort(scores[is_target]), thresholds) / is_target.sum()
    alarms = 1 - np.searchsorted(np.sort(scores[~is_target]), thresholds) / (~is_target).sum()
    return np.stack([misses, alarms])


def min_c_avg(actual: Sequence[str], posteriors: NDArray[np.float64], languages: Sequence[str]) -> float:
    """C_avg at the threshold on `log_ratios`, one for all languages, that makes it lowest.

    What C_avg exceeds it by is lost by the scale of the posteriors, not by the ranking of the recordings.

    Examples
    --------
    The Hindi recording is accepted as both, the English one as English only; a threshold of 0.5 sets it right:

    >>> posteriors = np.array([[0.9, 0.1], [0.4, 0.6]])
    >>> min_c_avg(["english", "hindi"], posteriors, ["english", "hindi"])
    0.0
    """
    ratios = log_ratios(posteriors)
    truth = np.array([languages.index(name) for name in actual])
    thresholds = np.concatenate([[-np.inf], np.unique(ratios)])
    # accept[k, t, n]: share of the recordings of language n whose ratio for t is above threshold k.
    accept = np.empty((len(thresholds), len(languages), len(languages)))
    for other in range(len(languages)):
        ordered = np.sort(ratios[truth == other], axis=0)
        for target in range(len(languages)):
            accept[:, target, other] = 1 - np.searchsorted(ordered[:, target], thresholds, "right") / len(ordered)
    return float(detection_cost(accept).min())


def c_llr(actual: Sequence[str], posteriors: NDArray[np.float64], languages: Sequence[str]) -> float:
    """Cost of the log ratios in bits, at every threshold at once: 0 is perfect, 1 as good as no answer.

    C_llr = mean over targets T of [mean log2(1 + 1/r) over T + mean over N ≠ T of mean log2(1 + r) over N] / 2, r = e^ratio.

    Source: Brümmer and van Leeuwen, "On calibration of language recognition scores", Odyssey 2006.

    Examples
    --------
    >>> c_llr(["english", "hindi"], np.array([[0.5, 0.5], [0.5, 0.5]]), ["english", "hindi"])
    1.0
    """
    ratios = log_ratios(posteriors)
    truth = np.array([languages.index(name) for name in actual])
    costs = []
    for target in range(len(languages)):
        miss = np.logaddexp(0, -ratios[truth == target, target]).mean()
        alarms = [
            np.logaddexp(0, ratios[truth == other, target]).mean() for other in range(len(languages)) if other != target
        ]
        costs.append((miss + np.mean(alarms)) / 2)
    return float(np.mean(costs) / np.log(2))
