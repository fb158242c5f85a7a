"""Recall by source: how a model does on sources that it was not trained on.

The mean over languages of the mean over their sources: a source with many recordings weighs no more than one with few.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.scoring import bootstrap

Recalls = Mapping[str, Mapping[str, float]]  # by language and source


def recalls(actual: Sequence[str], predicted: Sequence[str], sources: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the share of right answers by language and source of the recordings.

    >>> recalls(["hindi", "hindi", "hindi"], ["hindi", "english", "hindi"], ["radio", "radio", "calls"])
    {'hindi': {'calls': 1.0, 'radio': 0.5}}
    """
    right: dict[tuple[str, str], list[bool]] = {}
    for language, answer, source in zip(actual, predicted, sources, strict=True):
        right.setdefault((language, source), []).append(language == answer)
    found: dict[str, dict[str, float]] = {}
    for (language, source), flags in sorted(right.items()):
        found.setdefault(language, {})[source] = float(np.mean(flags))
    return found


def macro_recall(found: Recalls) -> float:
    """Return the mean over languages of the mean over sources.

    >>> macro_recall({"english": {"calls": 1.0}, "hindi": {"calls": 0.0, "radio": 1.0}})
    0.75
    """
    return float(np.mean([np.mean(list(of.values())) for of in found.values()]))


def interval(found: Recalls) -> tuple[float, float] | None:
    """Return the 95 % interval of `macro_recall` over sources; None if a language has fewer than two."""
    if any(len(of) < 2 for of in found.values()):
        return None
    weights = bootstrap.draw({source for of in found.values() for source in of})
    means = []
    for of in found.values():
        chosen = np.array([weights[source] for source in of])
        means.append(np.array(list(of.values())) @ chosen / chosen.sum(axis=0))
    return bootstrap.interval(np.mean(means, axis=0))


def summary(actual: Sequence[str], predicted: Sequence[str], sources: Sequence[str]) -> dict[str, Any]:
    """Return these scores of a set of recordings, as at `by_source` in evaluation/metrics.json."""
    found = recalls(actual, predicted, sources)
    return {"recall": found, "macro_recall": macro_recall(found), "interval": interval(found)}


def sentence(by_source: Mapping[str, Any] | None) -> str:
    """Return how sources that the model was not trained on are recognised, given `summary` of them, if there are any.

    >>> sentence(None)
    'sources not heard before: not known from these data'
    """
    if by_source is None:
        return "sources not heard before: not known from these data"
    count = len({source for of in by_source["recall"].values() for source in of})
    within = " ({:.1%} to {:.1%})".format(*by_source["interval"]) if by_source["interval"] else ""
    return f"{count} source{'s' * (count > 1)} not heard before: macro recall {by_source['macro_recall']:.1%}{within}"
