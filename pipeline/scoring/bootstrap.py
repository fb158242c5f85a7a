"""How far scores could differ with other speakers and other seeds: intervals, and a rule for the best of several.

The bootstrap is Bayesian (Rubin 1981): instead of drawing speakers and seeds with replacement, a replicate weights each
by a draw from the exponential distribution. A speaker is weighted with all recordings, and alike in every test set that
holds the speaker. No replicate loses a language, however few speakers it has.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.detection import detection_cost, log_ratios

REPLICATES = 4000
SEED = 0
TAIL = 0.025  # of the replicates, below and above a 95 % interval; a best one may fail to be the best in as many

Replicates = NDArray[np.float64]  # of a score, shape (replicates,)


@dataclass(frozen=True)
class Tally:
    """The recordings of a test set, counted by speaker.

    Attributes
    ----------
    speakers
        Names, in the order of the other arrays.
    recordings, right
        Recordings of each language, and those recognised, shape (speakers, languages).
    accepted
        Of the recordings of a language, those accepted as each language, shape (speakers, languages, accepted as).
    """

    speakers: tuple[str, ...]
    recordings: NDArray[np.float64]
    right: NDArray[np.float64]
    accepted: NDArray[np.float64]


def tally(
    speakers: Sequence[str],
    actual: Sequence[str],
    predicted: Sequence[str],
    posteriors: NDArray[np.float64],
    languages: Sequence[str],
) -> Tally:
    """Count a test set by speaker; posteriors as for `metrics.score`."""
    names = tuple(sorted(set(speakers)))
    n_languages = len(languages)
    recordings, right = np.zeros((2, len(names), n_languages))
    accepted = np.zeros((len(names), n_languages, n_languages))
    accepts = log_ratios(posteriors / posteriors.sum(axis=1, keepdims=True)) > 0
    for speaker, truth, guess, accept in zip(speakers, actual, predicted, accepts, strict=True):
        at = names.index(speaker), languages.index(truth)
        recordings[at] += 1
        right[at] += guess == truth
        accepted[at] += accept
    return Tally(names, recordings, right, accepted)


def scores(counted: Tally, weights: NDArray[np.float64]) -> dict[str, Replicates]:
    """Scores of a test set whose speakers are weighted, shape (replicates, speakers).

    Examples
    --------
    Ann's English recording is recognised, Bob's is not, and he weighs three times as much as she:

    >>> posteriors = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    >>> spoken, answers = ["english", "english", "hindi"], ["english", "hindi", "hindi"]
    >>> counted = tally(["ann", "bob", "cyd"], spoken, answers, posteriors, ["english", "hindi"])
    >>> {name: values.round(3).tolist() for name, values in scores(counted, np.array([[1.0, 3.0, 1.0]])).items()}
    {'recording_accuracy': [0.4], 'macro_recall': [0.625], 'c_avg': [0.375]}
    """
    recordings, right = weights @ counted.recordings, weights @ counted.right
    accepted = np.einsum("rs,snt->rtn", weights, counted.accepted)
    return {
        "recording_accuracy": right.sum(axis=1) / recordings.sum(axis=1),
        "macro_recall": (right / recordings).mean(axis=1),
        "c_avg": detection_cost(accepted / recordings[:, None, :]),
    }


def draw(names: Collection[str]) -> dict[str, Replicates]:
    """Random weights of speakers or seeds: the same for the same names, in any order."""
    rng = np.random.default_rng(SEED)
    return {name: rng.standard_exponential(REPLICATES) for name in sorted(set(names))}


def interval(replicates: Replicates) -> tuple[float, float]:
    """The 95 % interval of a score.

    >>> interval(np.arange(1001.0))
    (25.0, 975.0)
    """
    low, high = np.quantile(replicates, [TAIL, 1 - TAIL])
    return float(low), float(high)


def clear_best(replicates: Sequence[Replicates]) -> int | None:
    """The index of the one with the highest score, if it beats every other in at least 97.5 % of the replicates.

    Replicates must be paired: number r of every score has the same weights. A tie is no win.

    >>> better, worse = np.arange(1000.0), np.arange(1000.0) - 1
    >>> clear_best([worse, better, worse]), clear_best([better, better]), clear_best([better])
    (1, None, None)
    """
    if len(replicates) < 2:
        return None
    table = np.array(replicates)
    at = int(np.argmax(table.mean(axis=1)))
    others = np.delete(table, at, axis=0)
    return at if bool(np.all(np.mean(table[at] > others, axis=1) >= 1 - TAIL)) else None
