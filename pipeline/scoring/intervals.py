"""95 % intervals of the scores of one test set, over speakers: how far they could differ with other speakers.

A bootstrap alone is too narrow. It takes the speakers at hand for all there are, which the factor of Student's t
corrects, and it can't imagine an error if there is none, so that every language is given pseudo-speakers.
`benchmarks/intervals.py` measures how often such intervals hold the truth.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from pipeline.scoring import bootstrap
from pipeline.scoring.bootstrap import SEED, TAIL, Tally

MIN_SPEAKERS = 40  # with fewer, the intervals are too narrow
PSEUDO_SPEAKER = 0.125  # speakers: shape of the gamma distribution of the weight of a pseudo-speaker

Interval = tuple[float, float]


def of_share(speakers: Sequence[str], right: NDArray[Any], total: NDArray[Any]) -> Interval | None:
    """Return the interval of a share; None with a single speaker.

    Parameters
    ----------
    speakers
        Speaker of each recording; a speaker may have several.
    right, total
        What is right in each recording, and its total, shape (recordings,).

    Examples
    --------
    Twenty speakers with two recordings each, all of them recognised:

    >>> names = [f"s{number}" for number in range(20)]
    >>> low, high = of_share(names, np.full(20, 2.0), np.full(20, 2.0))
    >>> round(low, 3), high
    (0.945, 1.0)
    """
    names, of = np.unique(np.array(speakers)[total > 0], return_inverse=True)
    weights = _weights(names.tolist())
    sure, wrong = _pseudo_weights(2).T * total.sum() / max(len(names), 1)
    of_right, of_all = (weights @ np.bincount(of, column[total > 0], len(names)) for column in (right, total))
    return _interval(
        float(right.sum() / max(total.sum(), 1)),
        of_right / of_all,
        (of_right + sure) / (of_all + sure + wrong),
        len(names),
    )


def share(speakers: Sequence[str], right: NDArray[Any], total: NDArray[Any]) -> dict[str, Any]:
    """Return a share and its interval, as of `of_share`, rounded; a share of nothing is 0, without an interval."""
    interval = of_share(speakers, right, total) if total.any() else None
    rounded = interval and [round(limit, 6) for limit in interval]
    return {"share": round(float(right.sum() / max(total.sum(), 1e-9)), 6), "interval": rounded}


def of_languages(counted: Tally) -> dict[str, Interval | None]:
    """Return intervals of scores that are means over languages; None if a language has only one speaker."""
    n_languages = counted.recordings.shape[1]
    weights = _weights(counted.speakers)
    n_speakers = int(np.count_nonzero(counted.recordings, axis=0).min())
    pseudo = np.concatenate([weights, _pseudo_weights(2 * n_languages)], axis=1)
    estimates = bootstrap.scores(counted, np.ones((1, len(counted.speakers))))
    plain, wide = bootstrap.scores(counted, weights), bootstrap.scores(_with_pseudo_speakers(counted), pseudo)
    return {
        name: _interval(
            float(estimates[name][0]), plain[name], wide[name], n_speakers, np.inf if name == "c_llr" else 1.0
        )
        for name in plain
        if name != "recording_accuracy"
    }


def _weights(speakers: Sequence[str]) -> NDArray[np.float64]:
    return np.array(list(bootstrap.draw(speakers).values())).T


def _pseudo_weights(n_speakers: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).standard_gamma(PSEUDO_SPEAKER, (bootstrap.REPLICATES, n_speakers))


def _with_pseudo_speakers(counted: Tally) -> Tally:
    """Add two pseudo-speakers per language: every answer to the first is right, every answer to the second is wrong."""
    n_speakers = np.count_nonzero(counted.recordings, axis=0)
    own = np.diag(counted.recordings.sum(axis=0) / n_speakers)
    usual = np.diag(counted.bits.sum(axis=0) / n_speakers)
    return Tally(
        counted.speakers,
        np.concatenate([counted.recordings, own, own]),
        np.concatenate([counted.right, own, 0 * own]),
        np.concatenate([counted.errors, 0 * own, own]),
        np.concatenate([counted.bits, usual, usual]),
    )


def _interval(
    estimate: float,
    plain: NDArray[np.float64],
    wide: NDArray[np.float64],
    n_speakers: int,
    highest: float = 1.0,
) -> Interval | None:
    if n_speakers < 2:
        return None
    tails = [TAIL, 1 - TAIL]
    student = scipy.stats.t.ppf(1 - TAIL, n_speakers - 1) / scipy.stats.norm.ppf(1 - TAIL)
    factor = student * np.sqrt((n_speakers + 1) / (n_speakers - 1))
    low, high = estimate + factor * (np.quantile(plain, tails) - estimate)
    wide_low, wide_high = np.quantile(wide, tails)
    return max(float(min(low, wide_low)), 0.0), min(float(max(high, wide_high)), highest)
