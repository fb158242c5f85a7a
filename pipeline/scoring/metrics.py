"""Scores of language recognition: by frame, by recording, by language."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Posteriors = NDArray[np.float64]  # shape (recordings, languages), rows sum to 1
FLOOR = 1e-10

UNDECIDED = "undecided"  # predicted where a recording holds no speech


def score(
    actual: Sequence[str], predicted: Sequence[str], posteriors: Posteriors, languages: Sequence[str]
) -> dict[str, Any]:
    """What evaluation/metrics.json holds of the recordings.

    Parameters
    ----------
    posteriors
        Of each recording over the languages, shape (recordings, languages); rows need not sum to 1.
    """
    posteriors = posteriors / posteriors.sum(axis=1, keepdims=True)
    recall = recalls(actual, predicted, languages)
    truth, ratios = np.array(actual), log_ratios(posteriors)
    return {
        "recording_accuracy": float(np.mean(truth == np.array(predicted))),
        "macro_recall": float(np.mean(list(recall.values()))),
        "recall": recall,
        "c_avg": c_avg(actual, posteriors, languages),
        "eer": {language: eer(truth == language, ratios[:, number]) for number, language in enumerate(languages)},
    }


def confusion(
    actual: Sequence[str], predicted: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> list[list[int]]:
    """How many recordings of each language (row) are called each name (column)."""
    counts = Counter(zip(actual, predicted, strict=True))
    return [[counts[row, column] for column in columns] for row in rows]


def recalls(actual: Sequence[str], predicted: Sequence[str], languages: Sequence[str]) -> dict[str, float]:
    """Share of each language's recordings that are recognised."""
    pairs = list(zip(actual, predicted, strict=True))
    return {
        language: float(np.mean([guess == truth for truth, guess in pairs if truth == language]))
        for language in languages
    }


def log_ratios(posteriors: Posteriors) -> Posteriors:
    """Detection scores log p(l) - log mean of the others' p, shape (recordings, languages): 0 is even odds."""
    likely = np.maximum(posteriors, FLOOR)
    others = (likely.sum(axis=1, keepdims=True) - likely) / (likely.shape[1] - 1)
    ratios: Posteriors = np.log(likely) - np.log(np.maximum(others, FLOOR))
    return ratios


def c_avg(actual: Sequence[str], posteriors: Posteriors, languages: Sequence[str]) -> float:
    """Average detection cost of the NIST language recognition evaluations, at even odds and equal costs.

    C_avg = mean over targets T of [P_miss(T) / 2 + mean over N ≠ T of P_fa(T, N) / 2]. 0 is perfect, 0.5 worthless.

    Source: NIST LRE 2015 evaluation plan, section 3.
    """
    accepts = log_ratios(posteriors) > 0
    truth = np.array([languages.index(name) for name in actual])
    # accept[t, n]: share of the recordings of language n that are accepted as t.
    accept = np.array([accepts[truth == other].mean(axis=0) for other in range(len(languages))]).T
    miss = 1 - np.diag(accept)
    false_alarm = (accept.sum(axis=1) - np.diag(accept)) / (len(languages) - 1)
    return float(np.mean(miss / 2 + false_alarm / 2))


def eer(is_target: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Equal error rate of a detector: where the shares of misses and false alarms cross.

    Parameters
    ----------
    is_target
        Whether each recording is of the language, shape (recordings,).
    scores
        Higher for likelier, shape (recordings,).
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
