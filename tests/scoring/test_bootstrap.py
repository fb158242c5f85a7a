"""Weighted scores and the choice of the best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring import bootstrap, metrics

LANGUAGES = ("english", "hindi", "mandarin")


@given(st.integers(0, 10_000), st.sampled_from([1, 2]))
def test_a_weight_counts_a_speaker_that_often(seed: int, weight: int) -> None:
    rng, n = np.random.default_rng(seed), 30  # some speakers use two languages, and one answer is none
    actual, speakers = [LANGUAGES[index % 3] for index in range(n)], [f"s{rng.integers(8)}" for _ in range(n)]
    posteriors = rng.dirichlet(np.ones(3), n)
    predicted = [metrics.UNDECIDED, *(LANGUAGES[at] for at in posteriors.argmax(axis=1)[1:])]
    counted = bootstrap.tally(speakers, actual, predicted, posteriors, LANGUAGES)
    weights = np.where(np.array(counted.speakers) == speakers[0], 0.7 * weight, 0.7)
    again = [at for at in range(n) for _ in range(weight if speakers[at] == speakers[0] else 1)]
    wanted = metrics.score([actual[at] for at in again], [predicted[at] for at in again], posteriors[again], LANGUAGES)
    for name, values in bootstrap.scores(counted, weights[None]).items():
        assert values == pytest.approx(wanted[name])


def test_weights_depend_on_the_names_alone() -> None:
    first, again = bootstrap.draw(["b", "a", "c"]), bootstrap.draw(["c", "b", "a", "a"])
    assert list(first) == list(again) == ["a", "b", "c"]
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all((weights > 0).all() for weights in first.values())


def test_the_best_must_beat_every_other_in_97_5_percent_of_the_replicates() -> None:
    base = np.zeros(1000)
    often, rarely = (np.where(np.arange(1000) < n, 1.0, 0.0) for n in (975, 974))
    assert bootstrap.clear_best([base, often]) == 1
    assert bootstrap.clear_best([base, rarely]) is None
    assert bootstrap.clear_best([often, often + 0.5, base]) == 1
    assert bootstrap.clear_best([often, often]) is None
    assert bootstrap.clear_best([]) is None
