"""Confidence that means what it says: its error, and the temperature that corrects it."""

import numpy as np
from numpy.typing import NDArray

N_BINS = 10
TEMPERATURES = np.geomspace(0.05, 20, 241)  # 2.5 % apart


def expected_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, on average over bins of confidence.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, with ten bins.

    Examples
    --------
    Four answers of confidence 0.75, of which two are right:

    >>> expected_error(np.full(4, 0.75), np.array([True, True, False, False]))
    0.25
    """
    bins = np.minimum((confidences * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, confidences - right, N_BINS)
    return float(np.abs(gaps).sum() / len(confidences))


def tempered(posteriors: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Posteriors whose logarithms are divided by a temperature: above 1 they are less certain. Rows sum to 1.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    logs = np.log(posteriors) / temperature
    odds = np.exp(logs - logs.max(axis=-1, keepdims=True))
    scaled: NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return scaled


def temperature(posteriors: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    """The temperature with the lowest cross entropy, each class weighing as much as any other.

    Parameters
    ----------
    posteriors
        Shape (recordings, classes).
    targets
        Numbers of the classes, shape (recordings,).

    Examples
    --------
    Certain answers of which one in four is wrong:

    >>> posteriors = np.array([[0.99, 0.01]] * 4 + [[0.01, 0.99]] * 4)
    >>> 4 < temperature(posteriors, np.array([0, 0, 0, 1, 1, 1, 1, 0])) < 4.5
    True
    """
    counts = np.bincount(targets, minlength=posteriors.shape[1])
    weights = 1 / counts[targets]
    rows = np.arange(len(targets))
    losses = [-weights @ np.log(tempered(posteriors, value)[rows, targets]) for value in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])
