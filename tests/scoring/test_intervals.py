"""Intervals hold the truth about as often as they say, and are never certain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.scoring import bootstrap, intervals
from pipeline.scoring.bootstrap import Tally

LANGUAGES = ("a", "b", "c")


def simulated(rng: np.random.Generator, n_speakers: int, recall: float) -> Tally:
    """Speakers of one language each, with 3 to 14 recordings; some are easier to recognise than others."""
    recordings, right = np.zeros((2, n_speakers, 3))
    for number in range(n_speakers):
        at = number, number % 3
        recordings[at] = rng.integers(3, 15)
        right[at] = rng.binomial(int(recordings[at]), rng.beta(8 * recall, 8 * (1 - recall)))
    wrong = (recordings - right)[:, :, None] * np.ones(3)
    names = tuple(f"s{number:03}" for number in range(n_speakers))
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


def share(right: list[float], total: list[float]) -> tuple[float, float] | None:
    names = [f"s{number}" for number in range(len(right))]
    columns: list[NDArray[np.float64]] = [np.array(right), np.array(total)]
    return intervals.of_share(names, *columns)


def test_one_speaker_tells_nothing() -> None:
    assert share([3.0], [4.0]) is None
    assert share([3.0, 0.0], [4.0, 0.0]) is None  # the other has no recording
    assert share([3.0, 1.0], [4.0, 1.0]) is not None


def test_no_error_among_few_speakers_is_no_proof() -> None:
    low, high = share([5.0] * 10, [5.0] * 10) or (1, 0)
    assert low < 0.9
    assert high == 1
    lower, higher = share([0.0] * 10, [5.0] * 10) or (1, 0)
    assert lower == 0
    assert higher > 0.1


def test_more_speakers_make_it_narrower() -> None:
    widths = []
    for n in (6, 24, 96):
        low, high = share([4.0, 5.0] * (n // 2), [5.0] * n) or (1, 0)
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]
