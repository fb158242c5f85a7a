"""Formulas of language recognition: accuracy, recall, confusion, C_avg, equal error rate."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.decision import POSTERIOR_FLOOR

UNDECIDED = "undecided"  # predicted for a recording without speech


def score(
    actual: Sequence[str], predicted: Sequence[str], posteriors: NDArray[np.float64], languages: Sequence[str]
) -> dict[str, Any]:
    """All scores of a set of recordings, as in evaluation/metrics.json.

    Parameters
    ----------
    posteriors
        Of each recording over the languages, shape (recordings, languages); rows need not sum to 1.

    Examples
    --------
    One of two English recordings and the Hindi one are recognised:

    >>> posteriors = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    >>> scores = score(["english", "english", "hindi"], ["english", "hindi", "hindi"], posteriors, ["english", "hindi"])
    >>> scores["recall"], scores["macro_recall"]
    ({'english': 0.5, 'hindi': 1.0}, 0.75)
    >>> round(scores["recording_accuracy"], 3), scores["c_avg"]
    (0.667, 0.25)
    """
    posteriors = posteriors / posteriors.sum(axis=1, keepdims=True)
    recall = recalls(actual, predicted, languages)
    truth, ratios = np.array(actual), log_ratios(posteriors)
    return {
        "recording_accuracy": float(np.mean(truth == np.array(predicted))),
        "macro_recall": float(np.mean(list(recall.values()))),
        "recall": recall,
        "c_avg": c_avg(actual, posteriors, languages),
        "eer": {language: eer(truth == language, ratios[:, column]) for column, language in enumerate(languages)},
    }


def confusion(actual: Sequence[str], predicted: Sequence[str], languages: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count recordings by actual, then by predicted language.

    The languages come first, in their order, then any other answer, such as `undecided`.

    Examples
    --------
    >>> confusion(["english", "english", "hindi"], ["english", "undecided", "english"], ["english", "hindi"])
    {'english': {'english': 1, 'hindi': 0, 'undecided': 1}, 'hindi': {'english': 1, 'hindi': 0, 'undecided': 0}}
    """
    counts = Counter(zip(actual, predicted, strict=True))
    rows = dict.fromkeys([*languages, *sorted(actual)])
    columns = dict.fromkeys([*languages, *sorted(predicted)])
    return {row: {column: counts[row, column] for column in columns} for row in rows}


def recalls(actual: Sequence[str], predicted: Sequence[str], languages: Sequence[str]) -> dict[str, float]:
    """Share of each language's recordings that are recognised.

    Examples
    --------
    >>> recalls(["english", "english", "hindi"], ["english", "undecided", "hindi"], ["english", "hindi"])
    {'english': 0.5, 'hindi': 1.0}
    """
    pairs = list(zip(actual, predicted, strict=True))
    return {
        language: float(np.mean([guess == truth for truth, guess in pairs if truth == language]))
        for language in languages
    }


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
