"""Intervals and the choice of the best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.scoring import bootstrap, metrics

LANGUAGES = ("english", "hindi", "mandarin")


def sample(seed: int, n: int = 30) -> tuple[list[str], list[str], list[str], NDArray[np.float64]]:
    """Speakers, languages, answers and posteriors; some speakers use two languages, and one answer is none."""
    rng = np.random.default_rng(seed)
    actual = [LANGUAGES[index % 3] for index in range(n)]
    speakers = [f"s{rng.integers(8)}" for _ in range(n)]
    posteriors = rng.dirichlet(np.ones(3), n)
    predicted = [LANGUAGES[at] for at in posteriors.argmax(axis=1)]
    predicted[0] = metrics.UNDECIDED
    return speakers, actual, predicted, posteriors


@given(st.integers(0, 10_000))
def test_equal_weights_give_the_scores_of_the_test_set(seed: int) -> None:
    speakers, actual, predicted, posteriors = sample(seed)
    counted = bootstrap.tally(speakers, actual, predicted, posteriors, LANGUAGES)
    found = bootstrap.scores(counted, np.full((1, len(counted.speakers)), 0.7))
    wanted = metrics.score(actual, predicted, posteriors, LANGUAGES)
    for name, values in found.items():
        assert values == pytest.approx(wanted[name])


@given(st.integers(0, 10_000))
def test_a_speaker_of_weight_two_is_a_speaker_given_twice(seed: int) -> None:
    speakers, actual, predicted, posteriors = sample(seed)
    chosen = [at for at, name in enumerate(speakers) if name == speakers[0]]
    weights = np.ones((1, len(set(speakers))))
    counted = bootstrap.tally(speakers, actual, predicted, posteriors, LANGUAGES)
    weights[0, counted.speakers.index(speakers[0])] = 2
    wanted = metrics.score(
        actual + [actual[at] for at in chosen],
        predicted + [predicted[at] for at in chosen],
        np.concatenate([posteriors, posteriors[chosen]]),
        LANGUAGES,
    )
    for name, values in bootstrap.scores(counted, weights).items():
        assert values == pytest.approx(wanted[name])


def test_weights_depend_on_the_names_alone() -> None:
    first, again = bootstrap.draw(["b", "a", "c"]), bootstrap.draw(["c", "b", "a", "a"])
    assert list(first) == list(again) == ["a", "b", "c"]
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all((weights > 0).all() for weights in first.values())


def test_the_best_must_beat_every_other_in_97_5_percent_of_the_replicates() -> None:
    base = np.zeros(1000)
    often, rarely = base.copy(), base.copy()
    often[:975] = 1
    rarely[:974] = 1
    assert bootstrap.clear_best([base, often]) == 1
    assert bootstrap.clear_best([base, rarely]) is None
    assert bootstrap.clear_best([often, often + 0.5, base]) == 1
    assert bootstrap.clear_best([often, often]) is None
    assert bootstrap.clear_best([]) is None
