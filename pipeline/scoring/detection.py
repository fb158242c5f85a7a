"""Language recognition as detection: is it this language or not? Costs, error rates and the quality of the odds.

Recordings are given by `truth`, the number of each one's language, shape (recordings,), and `posteriors` or log
`ratios` over the languages, shape (recordings, languages). Every language has a recording.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.decision import POSTERIOR_FLOOR

Numbers = NDArray[np.float64]


def log_ratios(posteriors: Numbers) -> Numbers:
    """Detection scores log p(l) - log mean of the others' p, shape (recordings, languages): 0 is even odds.

    Examples
    --------
    0.5 against a mean of 0.25, and twice 0.25 against a mean of 0.375:

    >>> log_ratios(np.array([[0.5, 0.25, 0.25]])).round(3)
    array([[ 0.693, -0.405, -0.405]])
    """
    likely = np.maximum(posteriors, POSTERIOR_FLOOR)
    others = (likely.sum(axis=1, keepdims=True) - likely) / (likely.shape[1] - 1)
    ratios: Numbers = np.log(likely) - np.log(np.maximum(others, POSTERIOR_FLOOR))
    return ratios


def errors(truth: NDArray[np.int64], ratios: Numbers) -> Numbers:
    """1 for every detector that errs at even odds, otherwise 0, shape (recordings, languages).

    >>> errors(np.array([0, 1]), np.array([[2.0, 1.0], [-1.0, 3.0]])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    wrong: Numbers = ((ratios > 0) != _is_target(truth, ratios)).astype(np.float64)
    return wrong


def bits(truth: NDArray[np.int64], ratios: Numbers) -> Numbers:
    """What the ratios of every detector cost, in bits, shape (recordings, languages): 1 for even odds.

    >>> bits(np.array([0]), np.array([[0.0, -20.0]])).round(3).tolist()
    [[1.0, 0.0]]
    """
    costs: Numbers = np.logaddexp(0, np.where(_is_target(truth, ratios), -ratios, ratios)) / np.log(2)
    return costs


def by_language(costs: Numbers, truth: NDArray[np.int64]) -> Numbers:
    """Mean costs over the recordings of each language, shape (languages, detectors)."""
    return np.array([costs[truth == language].mean(axis=0) for language in range(costs.shape[1])])


def average_cost(costs: Numbers) -> Numbers:
    """Average detection cost at even odds, given costs[..., n, t] of the recordings of language n at detector t.

    It is the mean over targets t of [costs(t, t) + mean over n ≠ t of costs(n, t)] / 2.

    Examples
    --------
    Half of the first language is missed, and accepted as the second:

    >>> float(average_cost(np.array([[0.5, 0.5], [0.0, 0.0]])))
    0.25
    """
    of_targets = np.diagonal(costs, axis1=-2, axis2=-1)
    of_others = (costs.sum(axis=-2) - of_targets) / (costs.shape[-1] - 1)
    averages: Numbers = np.mean((of_targets + of_others) / 2, axis=-1)
    return averages


def c_avg(truth: NDArray[np.int64], posteriors: Numbers) -> float:
    """C_avg of the NIST language recognition evaluations, with C_miss = C_fa = 1 and P_target = 0.5.

    0 is perfect, 0.5 worthless. Source: NIST LRE 2015 evaluation plan, section 3.

    Examples
    --------
    One of two English recordings is taken for Hindi: English is missed half the time, Hindi falsely accepted as often.
    C_avg is the mean of 0.5 / 2 and 0.5 / 2:

    >>> c_avg(np.array([0, 0, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]))
    0.25
    """
    return float(average_cost(by_language(errors(truth, log_ratios(posteriors)), truth)))


def min_c_avg(truth: NDArray[np.int64], posteriors: Numbers) -> float:
    """C_avg at the threshold on `log_ratios`, one for all languages, that makes it lowest.

    What C_avg exceeds it by is lost by the scale of the posteriors, not by the ranking of the recordings.

    Examples
    --------
    At even odds, both recordings are accepted as the first language only. A higher threshold rejects the second one
    there, a lower one accepts it as its own:

    >>> posteriors = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> min_c_avg(np.array([0, 1]), posteriors), c_avg(np.array([0, 1]), posteriors)
    (0.25, 0.5)
    """
    ratios = log_ratios(posteriors)
    n_languages = ratios.shape[1]
    thresholds = np.concatenate([[-np.inf], np.unique(ratios)])
    costs = np.empty((len(thresholds), n_languages, n_languages))
    for language in range(n_languages):
        ordered = np.sort(ratios[truth == language], axis=0)
        for detector in range(n_languages):
            below = np.searchsorted(ordered[:, detector], thresholds, "right") / len(ordered)
            costs[:, language, detector] = below if language == detector else 1 - below
    return float(average_cost(costs).min())


def c_llr(truth: NDArray[np.int64], posteriors: Numbers) -> float:
    """C_llr: cost of the log ratios in bits, over all thresholds; 0 is perfect, 1 as good as no answer.

    Source: Brümmer and van Leeuwen, "On calibration of language recognition scores", Odyssey 2006.

    >>> c_llr(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]]))
    1.0
    """
    return float(average_cost(by_language(bits(truth, log_ratios(posteriors)), truth)))


def det_curve(is_target: NDArray[np.bool_], ratios: Numbers) -> Numbers:
    """Rates of misses and of false alarms of one detector at every threshold, shape (2, thresholds), misses ascending.

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
    thresholds = np.unique(np.append(ratios, np.inf))
    misses = np.searchsorted(np.sort(ratios[is_target]), thresholds) / is_target.sum()
    alarms = 1 - np.searchsorted(np.sort(ratios[~is_target]), thresholds) / (~is_target).sum()
    return np.stack([misses, alarms])


def eer(is_target: NDArray[np.bool_], ratios: Numbers) -> float:
    """Equal error rate of a detector: where its rates of misses and of false alarms are equal; as for `det_curve`.

    Examples
    --------
    At a threshold of 3, one of two targets is missed and one of two others accepted:

    >>> eer(np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0]))
    0.5
    """
    misses, alarms = det_curve(is_target, ratios)
    # Between two thresholds both rates move along a straight line (the convex hull is not taken).
    at = int(np.argmax(misses >= alarms))
    if at == 0:
        return float((misses[0] + alarms[0]) / 2)
    rise = (misses[at] - alarms[at]) - (misses[at - 1] - alarms[at - 1])
    part = (alarms[at - 1] - misses[at - 1]) / rise
    return float(misses[at - 1] + part * (misses[at] - misses[at - 1]))


def _is_target(truth: NDArray[np.int64], ratios: Numbers) -> NDArray[np.bool_]:
    is_target: NDArray[np.bool_] = truth[:, None] == np.arange(ratios.shape[1])
    return is_target
