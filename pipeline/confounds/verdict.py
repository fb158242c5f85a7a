"""Which measures reveal the language or the source: classifiers that see nothing else, scored on unknown speakers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from pipeline.confounds.measures import ADVICE

FOLDS = 5
REPLICATES = 1000
LEVEL = 0.05  # of all tests together, by Bonferroni's correction
DEPTH, TREES = 3, 60

Measures = Mapping[str, NDArray[np.float64]]  # by name, shape (recordings,)


def examine(measures: Measures, languages: Sequence[str], groups: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the content of audit/confounds.json.

    Parameters
    ----------
    groups
        Group of each recording: no group is both trained on and tested in one fold.

    Returns
    -------
    `score`, `low` and `high` of a classifier that sees all measures, and `chance`; in `measures`, the measures that
    alone tell one language from the others better than chance, best first; in `unknown`, languages with too few groups.
    """
    spoken, of = np.array(languages), np.unique(np.array(groups), return_inverse=True)[1]
    unknown = [name for name in sorted(set(languages)) if len(np.unique(of[spoken == name])) < FOLDS]
    chosen = ~np.isin(spoken, unknown)
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
            if score["low"] > 0.5:  # chance, of one language against the rest
                found.append({"measure": name, "language": language, **_rounded(score), "advice": ADVICE[name]})
    found.sort(key=lambda one: (-one["score"], one["measure"], one["language"]))
    return {"chance": round(1 / len(known), 4), **_rounded(together), "measures": found, "unknown": unknown}


def examine_sources(
    measures: Measures, languages: Sequence[str], groups: Sequence[str], sources: Sequence[str], seed: int
) -> dict[str, Any] | None:
    """Return how well all measures tell sources, and languages of unknown sources: in audit/confounds.json, `sources`.

    None if a language has a single source, or only one source has enough groups.
    """
    spoken, source, of = np.array(languages), np.array(sources), np.unique(np.array(groups), return_inverse=True)[1]
    n_sources = min(len(set(source[spoken == language])) for language in set(languages))
    large = [name for name in sorted(set(sources)) if len(np.unique(of[source == name])) >= FOLDS]
    if n_sources < 2 or len(large) < 2:
        return None
    columns, chosen = np.stack(list(measures.values()), axis=1), np.isin(source, large)
    told = _score(columns[chosen], source[chosen], np.unique(of[chosen], return_inverse=True)[1], seed, 1, TREES)
    number = np.unique(source, return_inverse=True)[1]
    elsewhere = _score(columns, spoken, number, seed, 1, TREES, min(FOLDS, n_sources))
    chances = {"chance": round(1 / len(large), 4)}, {"chance": round(1 / len(set(languages)), 4)}
    return {"source": _rounded(told) | chances[0], "language": _rounded(elsewhere) | chances[1]}


def _score(
    columns: NDArray[np.float64],
    classes: NDArray[Any],
    groups: NDArray[np.int64],
    seed: int,
    n_tests: int,
    trees: int,
    n_folds: int = FOLDS,
) -> dict[str, float]:
    """Return the balanced accuracy on unknown groups and its interval."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed % 2**32)
    forest = RandomForestClassifier(
        trees, max_depth=DEPTH, min_samples_leaf=3, bootstrap=trees > 1, random_state=seed % 2**32, n_jobs=1
    )
    fit = {"sample_weight": _weights(classes, groups)}
    predicted = cross_val_predict(forest, columns, classes, groups=groups, cv=folds, params=fit)
    return _interval(predicted == classes, classes, groups, n_tests)


def _weights(classes: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights of recordings that give every class the same weight, and every group within a class."""
    number = np.unique(classes, return_inverse=True)[1]
    pairs, of, counts = np.unique([number, groups], axis=1, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / counts[of.ravel()] / np.bincount(pairs[0])[number]
    return weights


def _interval(
    right: NDArray[np.bool_], classes: NDArray[Any], groups: NDArray[np.int64], n_tests: int
) -> dict[str, float]:
    """Return the balanced accuracy, with equal weights of groups; the interval is a bootstrap over the groups."""
    names, of_class = np.unique(classes, return_inverse=True)
    n_groups = int(groups.max()) + 1
    weights = np.random.default_rng(0).standard_exponential((REPLICATES, n_groups))
    own = _weights(classes, groups)
    shares, counts = np.zeros((2, n_groups, len(names)))
    np.add.at(shares, (groups, of_class), own * right)
    np.add.at(counts, (groups, of_class), own)
    score = float((shares.sum(axis=0) / counts.sum(axis=0)).mean())
    deviation = float(((weights @ shares) / (weights @ counts)).mean(axis=1).std())
    least_groups = int(np.count_nonzero(counts, axis=0).min())
    reach = scipy.stats.t.ppf(1 - LEVEL / 2 / n_tests, max(least_groups - 1, 1)) * deviation
    return {"score": score, "low": max(score - reach, 0.0), "high": min(score + reach, 1.0)}


def _rounded(score: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in score.items()}


def sentences(found: Mapping[str, Any]) -> list[str]:
    """Return the findings as sentences."""
    said = [f"{name}: too few speakers to tell if anything but speech gives it away" for name in found["unknown"]]
    if found["score"] is None:
        return said
    beats = found["low"] > found["chance"]
    said.append(
        f"without speech, {found['score']:.0%} of the recordings of unknown speakers get the right language "
        f"({found['low']:.0%} to {found['high']:.0%}; chance {found['chance']:.0%})"
        f"{': the scores may owe as much to the recordings as to the languages' if beats else ''}"
    )
    if by_source := found.get("sources"):
        source, language = by_source["source"], by_source["language"]
        also = "the language as well" if language["low"] > language["chance"] else "and not the language"
        said.append(
            f"the same cues tell the source of {source['score']:.0%} (chance {source['chance']:.0%}), {also}: on new "
            f"sources, {language['score']:.0%} get the right language ({language['low']:.0%} to {language['high']:.0%})"
        )
    said += [
        f"{one['measure']} gives {one['language']} away ({one['score']:.0%}, chance 50 %): {one['advice']}"
        for one in found["measures"]
    ]
    return said
