"""Which measures give the language away: classifiers that see nothing else, scored on speakers they do not know."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from pipeline.confounds.measures import ADVICE

FOLDS = 5
REPLICATES = 1000
LEVEL = 0.05  # of all tests together, by Bonferroni's correction
DEPTH, TREES = 3, 60

Measures = Mapping[str, NDArray[np.float64]]  # by name, shape (recordings,)


class Score(NamedTuple):
    """Balanced accuracy on unknown speakers, and its interval."""

    score: float
    low: float
    high: float


def examine(measures: Measures, languages: Sequence[str], groups: Sequence[str], seed: int) -> dict[str, Any]:
    """The content of audit/confounds.json.

    Parameters
    ----------
    groups
        Of each recording: recordings of one group are never trained on and tested in one fold.

    Returns
    -------
    `score`, `low` and `high` of a classifier that sees all measures, and `chance`; in `measures`, those that alone tell
    one language from the others better than chance, the best first; in `unknown`, languages with too few groups.
    """
    spoken, of = np.array(languages), np.unique(np.array(groups), return_inverse=True)[1]
    heard = {name: len(set(of[spoken == name].tolist())) for name in sorted(set(languages))}
    unknown = [name for name, count in heard.items() if count < FOLDS]
    chosen = np.isin(spoken, [name for name in heard if name not in unknown])
    known = sorted(set(spoken[chosen].tolist()))
    varying = {name: values[chosen] for name, values in measures.items() if np.ptp(values[chosen]) > 0} if known else {}
    if len(known) < 2 or not varying:
        return {"chance": None, "score": None, "low": None, "high": None, "measures": [], "unknown": unknown}
    spoken, of = spoken[chosen], of[chosen]
    n_tests = 1 + len(varying) * len(known)
    together = _score(np.stack(list(varying.values()), axis=1), spoken, of, seed, n_tests, TREES)
    found = []
    for name, values in varying.items():
        for language in known:
            score = _score(values[:, None], spoken == language, of, seed, n_tests, 1)
            if score.low > 0.5:  # chance, of one language against the rest
                found.append({"measure": name, "language": language, **_rounded(score), "advice": ADVICE[name]})
    found.sort(key=lambda one: (-one["score"], one["measure"], one["language"]))
    return {"chance": round(1 / len(known), 4), **_rounded(together), "measures": found, "unknown": unknown}


def _score(
    columns: NDArray[np.float64], classes: NDArray[Any], groups: NDArray[np.int64], seed: int, n_tests: int, trees: int
) -> Score:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    right = np.zeros(len(classes), np.bool_)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    weights = _weights(classes, groups)
    for train, test in folds.split(columns, classes, groups):
        forest = RandomForestClassifier(
            trees, max_depth=DEPTH, min_samples_leaf=3, bootstrap=trees > 1, random_state=seed % 2**32, n_jobs=1
        )
        forest.fit(columns[train], classes[train], sample_weight=weights[train])
        right[test] = forest.predict(columns[test]) == classes[test]
    return _interval(right, classes, groups, n_tests)


def _weights(classes: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of recordings with which all classes weigh the same, and in a class all groups."""
    weights = np.zeros(len(classes))
    for name in np.unique(classes):
        mine = classes == name
        _, of, counts = np.unique(groups[mine], return_inverse=True, return_counts=True)
        weights[mine] = 1 / counts[of] / len(counts)
    return weights


def _interval(right: NDArray[np.bool_], classes: NDArray[Any], groups: NDArray[np.int64], n_tests: int) -> Score:
    """Balanced accuracy over the classes, whose groups weigh the same; the interval is a bootstrap over the groups."""
    names, of_class = np.unique(classes, return_inverse=True)
    n_groups = int(groups.max()) + 1
    weights = np.random.default_rng(0).standard_exponential((REPLICATES, n_groups))
    own = _weights(classes, groups)
    shares, counts = np.zeros((2, n_groups, len(names)))
    np.add.at(shares, (groups, of_class), own * right)
    np.add.at(counts, (groups, of_class), own)
    score = float((shares.sum(axis=0) / counts.sum(axis=0)).mean())
    deviation = float(((weights @ shares) / (weights @ counts)).mean(axis=1).std())
    heard = int(np.count_nonzero(counts, axis=0).min())
    reach = scipy.stats.t.ppf(1 - LEVEL / 2 / n_tests, max(heard - 1, 1)) * deviation
    return Score(score, max(score - reach, 0.0), min(score + reach, 1.0))


def _rounded(score: Score) -> dict[str, float]:
    return {name: round(value, 4) for name, value in score._asdict().items()}


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What was found, for people."""
    said = [f"{name}: too few speakers to tell if anything but speech gives it away" for name in found["unknown"]]
    if found["score"] is None:
        return said
    beats = found["low"] > found["chance"]
    said.append(
        f"without speech, {found['score']:.0%} of the recordings of unknown speakers get the right language "
        f"({found['low']:.0%} to {found['high']:.0%}; chance {found['chance']:.0%})"
        f"{': the scores may owe as much to the recordings as to the languages' if beats else ''}"
    )
    said += [
        f"{one['measure']} gives {one['language']} away ({one['score']:.0%}, chance 50 %): {one['advice']}"
        for one in found["measures"]
    ]
    return said
