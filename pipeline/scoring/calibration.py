"""Calibrated confidence: the temperature that corrects it, and the limit below which the answer is `unknown`.

The temperature is fitted on validation recordings, whose speakers training has not heard but whose sources it has. On
sources that it has not heard, a network is as sure and less often right: so the temperature is widened by what folds of
left-out sources needed (docs/network.md).
"""

from collections.abc import Sequence

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from pipeline.console.terminal import Progress
from pipeline.rows import SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.offline import OfflineNetwork
from pipeline.streaming.decision import Rule

TEMPERATURES = (0.02, 50.0)  # limits
WIDENING = 2.5  # factor for other sources


def fitted(network: OfflineNetwork, rows: Sequence[SplitRow], refuse: float) -> Rule:
    """Fit the decision rule of a network to recordings that it was not trained on; unchanged if none has speech."""
    description, progress = network.description, Progress("calibrate", len(rows), "recordings")
    means, truth = [], []
    for row in rows:
        decision = evaluation.score_offline(row, network).decision
        if decision.frames:
            means.append(decision.mean[: len(description.languages)])
            truth.append(description.languages.index(row.language))
        progress.update(1)
    return fit(np.array(means), np.array(truth), description.decision, refuse, WIDENING)


def fit(means: NDArray[np.float64], truth: NDArray[np.int64], rule: Rule, refuse: float, widening: float = 1.0) -> Rule:
    """Return the rule at the temperature of the lowest cross entropy, with equal weights of the languages.

    Parameters
    ----------
    means
        Mean evidence of recordings over the languages, shape (recordings, languages).
    truth
        Number of each recording's language, shape (recordings,).
    refuse
        Share of right answers to give up: they, and all less confident answers, become `unknown`.
    widening
        Factor of the temperature afterwards.

    Examples
    --------
    Confident answers, one in four of them wrong:

    >>> means = np.log([[0.99, 0.01]] * 4 + [[0.01, 0.99]] * 4)
    >>> round(fit(means, np.array([0, 0, 0, 1, 1, 1, 1, 0]), Rule(), refuse=0).temperature, 2)
    4.18
    """
    if not len(truth):
        return rule
    weights = 1 / np.bincount(truth)[truth]

    def loss(log_temperature: float) -> float:
        posteriors = rule.model_copy(update={"temperature": float(np.exp(log_temperature))}).answer(means)
        return float(-weights @ np.log(np.maximum(posteriors[np.arange(len(truth)), truth], np.finfo(float).tiny)))

    found = scipy.optimize.minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded")
    fitted = rule.model_copy(update={"temperature": round(widening * float(np.exp(found.x)), 4)})
    posteriors = fitted.answer(means)
    right = posteriors.argmax(axis=1) == truth
    if not refuse or not right.any():
        return fitted
    limit = float(np.quantile(posteriors.max(axis=1)[right], refuse))
    return fitted.model_copy(update={"unknown_below": round(limit, 6)})
