"""Calibrated confidence: the temperature that corrects it, and the limit below which the answer is `unknown`.

The temperature is fitted on validation recordings, whose speakers training has not heard but whose sources it has. On
sources that it has not heard, a network is as sure and less often right: so the temperature is widened by what folds of
left-out sources needed (docs/network.md).
"""

from collections.abc import Iterable

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.decision import Rule
from pipeline.streaming.description import Description

TEMPERATURES = (0.02, 50.0)  # limits
WIDENING = 2.5  # factor for other sources


def fitted(description: Description, scores: Iterable[RecordingScore], refuse: float) -> Rule:
    """Fit the decision rule of a network to recordings that it was not trained on; unchanged if none has speech."""
    heard = [scored for scored in scores if scored.decision.frames]
    means = [scored.decision.mean[: len(description.languages)] for scored in heard]
    truth = [description.languages.index(scored.row.language) for scored in heard]
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
