"""Weighted scores, the choice of the best, and intervals that hold the truth about as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring import bootstrap, intervals, metrics
from pipeline.scoring.bootstrap import Tally

LANGUAGES = ("a", "b", "c")


def simulated(rng: np.random.Generator, n_speakers: int, recall: float) -> Tally:
    """Speakers of one language each, with 3 to 14 recordings; some are easier to recognise than others."""
    recordings, right = np.zeros((2, n_speakers, 3))
    for number in range(n_speakers):
        at = number, number % 3
        recordings[at] = rng.integers(3, 15)
        right[at] = rng.binomial(int(recordings[at]), rng.beta(8 * recall, 8 * (1 - recall)))
    names, wrong = tuple(f"s{number:03}" for number in range(n_speakers)), recordings - right
    return Tally(names, recordings, right, wrong, wrong)


@pytest.mark.slow
@pytest.mark.parametrize("recall", [0.8, 0.95])
def test_intervals_over_48_speakers_hold_the_truth(recall: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "REPLICATES", 1000)
    rng = np.random.default_rng(0)
    held = np.zeros(2)
    for _ in range(200):
        counted = simulated(rng, 48, recall)
        low, high = intervals.of_languages(counted)["macro_recall"] or (1, 0)
        held[0] += low <= recall <= high
        low, high = intervals.of_share(counted.speakers, counted.right.sum(1), counted.recordings.sum(1)) or (1, 0)
        held[1] += low <= recall <= high
    assert (held >= 182).all()  # 91 %, as 200 cases are few
    assert (held < 200).all()


@given(st.integers(0, 999), st.integers(2, 20), st.floats(0.1, 0.99))
def test_an_interval_holds_the_score_itself_and_something_around_it(seed: int, n: int, recall: float) -> None:
    counted = simulated(np.random.default_rng(seed), 3 * n, recall)
    found = intervals.of_languages(counted)
    of_all = bootstrap.scores(counted, np.ones((1, 3 * n)))
    for name, interval in found.items():
        assert interval is not None
        assert interval[0] <= of_all[name][0] <= interval[1]
        assert interval[0] >= 0
    low, high = intervals.of_share(counted.speakers, counted.right.sum(1), counted.recordings.sum(1)) or (1, 0)
    assert low < high


def test_few_speakers_prove_little_and_one_proves_nothing() -> None:
    def share(n_speakers: int, right: float) -> tuple[float, float] | None:
        names = [f"s{number}" for number in range(n_speakers)]
        return intervals.of_share(names, np.full(n_speakers, right), np.full(n_speakers, 5.0))

    assert share(1, 4.0) is None
    assert intervals.of_share(["a", "b", "a"], np.array([3.0, 0.0, 1.0]), np.array([4.0, 0.0, 1.0])) is None
    (low, high), (lower, higher) = share(10, 5.0) or (1, 0), share(10, 0.0) or (1, 0)
    assert low < 0.9
    assert higher > 0.1
    assert (high, lower) == (1, 0)
    widths = [high - low for n_speakers in (6, 24, 96) for low, high in [share(n_speakers, 4.0) or (1, 0)]]
    assert widths == sorted(widths, reverse=True)


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
