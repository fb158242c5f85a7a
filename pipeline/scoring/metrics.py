"""The scores of a set of recordings: accuracy, recall, precision, F1, costs of detection, calibration."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring import detection
from pipeline.streaming.decision import POSTERIOR_FLOOR

UNDECIDED = "undecided"  # predicted for a recording without speech
N_BINS = 10  # of confidence
MANY = 20  # languages: more are too many for a matrix or a figure


def score(
    actual: Sequence[str], predicted: Sequence[str], posteriors: NDArray[np.float64], languages: Sequence[str]
) -> dict[str, Any]:
    """Return all scores of a set of recordings, as in evaluation/metrics.json.

    Parameters
    ----------
    posteriors
        Posteriors over the languages, shape (recordings, languages); rows need not sum to 1.
    languages
        Spoken languages. With a single one, there are no detection costs.

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
    from sklearn.metrics import precision_recall_fscore_support  # takes a second to import

    counted = precision_recall_fscore_support(actual, predicted, labels=languages, zero_division=0)
    precision, recall, f1 = (dict(zip(languages, values.tolist(), strict=True)) for values in counted[:3])
    of_answers = {
        "recording_accuracy": float(np.equal(actual, predicted).mean()),
        "macro_recall": float(np.mean(list(recall.values()))),
        "macro_f1": float(np.mean(list(f1.values()))),
        "recall": recall,
        "precision": precision,
        "f1": f1,
    }
    if len(languages) < 2:
        return of_answers
    posteriors = posteriors / np.maximum(posteriors.sum(axis=1, keepdims=True), POSTERIOR_FLOOR)
    truth, ratios = np.array([languages.index(name) for name in actual]), detection.log_ratios(posteriors)
    errors, bits = (np.bincount(truth, costs) / np.bincount(truth) for costs in detection.costs(truth, ratios))
    return of_answers | {
        "c_avg": float(errors.mean()),
        "min_c_avg": detection.min_c_avg(truth, ratios),
        "c_llr": float(bits.mean()),
        "eer": {name: detection.eer(truth == number, ratios[:, number]) for number, name in enumerate(languages)},
        "ece": expected_error(posteriors.max(axis=1), posteriors.argmax(axis=1) == truth),
    }


def ranked(languages: Sequence[str], recall: Mapping[str, float]) -> list[str]:
    """Return languages in their order or, if they are more than `MANY`, those with the lowest recall first."""
    return sorted(languages, key=recall.__getitem__) if len(languages) > MANY else list(languages)


def confusions(actual: Sequence[str], predicted: Sequence[str]) -> list[dict[str, Any]]:
    """Return the most frequent wrong answers: actual and predicted language, number, and share of the language's.

    >>> confusions(["hindi", "hindi", "english"], ["english", "hindi", "english"])
    [{'actual': 'hindi', 'predicted': 'english', 'number': 1, 'share': 0.5}]
    """
    spoken = Counter(actual)
    wrong = Counter((right, answer) for right, answer in zip(actual, predicted, strict=True) if right != answer)
    return [
        {"actual": right, "predicted": answer, "number": number, "share": number / spoken[right]}
        for (right, answer), number in wrong.most_common(MANY)
    ]


def confusion(actual: Sequence[str], predicted: Sequence[str], languages: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count recordings by actual, then by predicted language.

    The languages come first, in their order, then any other answer, such as `undecided`.

    Examples
    --------
    >>> confusion(["english", "english", "hindi"], ["english", "undecided", "english"], ["english", "hindi"])
    {'english': {'english': 1, 'hindi': 0, 'undecided': 1}, 'hindi': {'english': 1, 'hindi': 0, 'undecided': 0}}
    """
    from sklearn.metrics import confusion_matrix  # takes a second to import

    labels = list(dict.fromkeys([*languages, *sorted([*actual, *predicted])]))
    with warnings.catch_warnings():  # about a single label, which is no mistake here
        warnings.simplefilter("ignore", UserWarning)
        counts = confusion_matrix(actual, predicted, labels=labels) if actual else np.zeros([len(labels)] * 2, int)
    rows, columns = (set(languages) | set(names) for names in (actual, predicted))
    return {
        row: {column: count for column, count in zip(labels, line, strict=True) if column in columns}
        for row, line in zip(labels, counts.tolist(), strict=True)
        if row in rows
    }


def expected_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over bins of confidence.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    Four answers of confidence 0.75, of which two are right:

    >>> expected_error(np.full(4, 0.75), np.array([True, True, False, False]))
    0.25
    """
    bins = np.minimum((confidences * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, confidences - right, N_BINS)
    return float(np.abs(gaps).sum() / len(confidences))
