"""How far scores could differ with other speakers and seeds: replicates, intervals, the best of several.

The bootstrap is Bayesian (Rubin 1981): instead of drawing speakers and seeds with replacement, a replicate weights each
by a draw from the exponential distribution. A speaker is weighted with all recordings, and alike in every test set that
holds the speaker. No replicate loses a language, however few speakers it has.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring import detection

REPLICATES = 4000
SEED = 0
TAIL = 0.025  # share of replicates below, and above, a 95 % interval; the best may lose in as many

Replicates = NDArray[np.float64]  # of a score, shape (replicates,)


@dataclass(frozen=True)
class Tally:
    """The recordings of a test set, counted by speaker and language: arrays of shape (speakers, languages)."""

    speakers: tuple[str, ...]
    recordings: NDArray[np.float64]
    right: NDArray[np.float64]  # of the recordings
    errors: NDArray[np.float64]  # these two: costs, from `detection.costs`
    bits: NDArray[np.float64]


def tally(
    speakers: Sequence[str],
    actual: Sequence[str],
    predicted: Sequence[str],
    posteriors: NDArray[np.float64],
    languages: Sequence[str],
) -> Tally:
    """Count a test set by speaker; posteriors as for `metrics.score`."""
    names, speaker = np.unique(speakers, return_inverse=True)
    truth = np.array([languages.index(name) for name in actual])
    errors = bits = np.zeros(len(truth))
    if len(languages) > 1:
        errors, bits = detection.costs(truth, detection.log_ratios(posteriors))

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros((len(names), len(languages)))
        np.add.at(sums, (speaker, truth), values)
        return sums

    right = np.equal(predicted, actual).astype(np.float64)
    return Tally(tuple(names.tolist()), summed(np.ones(len(truth))), summed(right), summed(errors), summed(bits))


def alike(counted: Tally) -> Tally:
    """Return a tally in which all speakers of a language weigh the same, whatever their number of recordings."""
    count = np.maximum(counted.recordings, 1)
    columns = (counted.recordings, counted.right, counted.errors, counted.bits)
    return Tally(counted.speakers, *(column / count for column in columns))


def scores(counted: Tally, weights: NDArray[np.float64]) -> dict[str, Replicates]:
    """Return the scores of a test set under weights of its speakers, shape (replicates, speakers).

    Examples
    --------
    Ann's English recording is recognised, Bob's is not, and Bob weighs three times as much as Ann:

    >>> posteriors = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    >>> spoken, answers = ["english", "english", "hindi"], ["english", "hindi", "hindi"]
    >>> counted = tally(["ann", "bob", "cyd"], spoken, answers, posteriors, ["english", "hindi"])
    >>> {name: values.round(3).tolist() for name, values in scores(counted, np.array([[1.0, 3.0, 1.0]])).items()}
    {'recording_accuracy': [0.4], 'macro_recall': [0.625], 'c_avg': [0.375], 'c_llr': [0.612]}
    """
    recordings, right = weights @ counted.recordings, weights @ counted.right
    found = {
        "recording_accuracy": right.sum(axis=1) / recordings.sum(axis=1),
        "macro_recall": (right / recordings).mean(axis=1),
    }
    if recordings.shape[1] > 1:
        for name, costs in (("c_avg", counted.errors), ("c_llr", counted.bits)):
            found[name] = (weights @ costs / recordings).mean(axis=1)
    return found


def draw(names: Collection[str]) -> dict[str, Replicates]:
    """Return random weights of speakers or seeds: the same for the same names, in any order."""
    rng = np.random.default_rng(SEED)
    return {name: rng.standard_exponential(REPLICATES) for name in sorted(set(names))}


def interval(replicates: Replicates) -> tuple[float, float]:
    """Return the 95 % interval of a score.

    >>> interval(np.arange(1001.0))
    (25.0, 975.0)
    """
    low, high = np.quantile(replicates, [TAIL, 1 - TAIL])
    return float(low), float(high)


def clear_best(replicates: Sequence[Replicates]) -> int | None:
    """Return the index of the highest score, if it beats every other in at least 97.5 % of the replicates.

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
