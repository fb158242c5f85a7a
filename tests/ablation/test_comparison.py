"""The comparison of cells: means, intervals, marks, tables."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from pipeline.ablation import comparison
from pipeline.ablation.comparison import TrialScores
from pipeline.rows import ComparisonRow, SourceRow, TrialRow
from pipeline.scoring import bootstrap

LANGUAGES = ("english", "hindi")


@pytest.fixture(scope="module")
def made() -> list[TrialScores]:
    """Two cells, two seeds: of twenty speakers with a recording each, `good` recognises all but one, `bad` half."""
    return [scored(name, seed, wrong) for seed in (1, 2) for name, wrong in (("good", [seed]), ("bad", range(10)))]


def scored(name: str, seed: int, wrong: range | list[int], minutes: float = 1.0) -> TrialScores:
    actual = [LANGUAGES[number % 2] for number in range(20)]
    predicted = [LANGUAGES[(number + (number in wrong)) % 2] for number in range(20)]
    posteriors = np.array([[0.9, 0.1] if guess == "english" else [0.1, 0.9] for guess in predicted])
    counted = bootstrap.tally([f"s{number}" for number in range(20)], actual, predicted, posteriors, LANGUAGES)
    found = bootstrap.scores(counted, np.ones((1, 20)))
    ones = {key: float(found[key][0]) for key in ("recording_accuracy", "macro_recall", "c_avg")}
    extra = {"silence.strategy": name}
    row = TrialRow(f"{name}-{seed}", "abc", "c0", seed, **ones, hours=0.5 * seed, minutes=minutes, extra=extra)
    return TrialScores(row, counted)


def rows_of(rows: list[ComparisonRow], cell: str) -> dict[str, ComparisonRow]:
    return {row.measure: row for row in rows if row.cell == cell}


def test_means_over_the_seeds_lie_inside_their_intervals_and_the_clearly_better_cell_is_marked(
    made: list[TrialScores],
) -> None:
    rows = comparison.compare(made, [1, 2])
    good, bad = rows_of(rows, "good"), rows_of(rows, "bad")
    assert (good["recording_accuracy"].mean, bad["recording_accuracy"].mean, good["hours"].mean) == (0.95, 0.5, 0.75)
    assert good["c_avg"].mean == pytest.approx(0.05)
    assert all(row.low <= row.mean <= row.high and row.seeds == 2 for row in rows)
    assert 0.5 <= good["hours"].low < good["hours"].high <= 1
    assert {(row.cell, row.measure) for row in rows if row.best} == {
        ("good", measure) for measure in ("recording_accuracy", "macro_recall", "c_avg")
    }
    again = comparison.compare(made[::-1], [1, 2])  # the order of the trials changes no number
    assert (rows_of(again, "good"), rows_of(again, "bad")) == (good, bad)


def test_sources_weigh_alike_however_many_recordings_they_have() -> None:
    answers = [("radio", "english", "english")] * 9 + [("calls", "english", "hindi"), ("radio", "hindi", "hindi")]
    units, actual, predicted = zip(*answers, strict=True)
    posteriors = np.array([[0.9, 0.1] if guess == "english" else [0.1, 0.9] for guess in predicted])
    counted = bootstrap.alike(bootstrap.tally(units, actual, predicted, posteriors, LANGUAGES))
    assert float(bootstrap.scores(counted, np.ones((1, 2)))["macro_recall"][0]) == 0.75
    rows = [SourceRow("mask", seed, 0, "english", "radio", 9, seed / 4, 0.5) for seed in (1, 2)]
    rows.append(SourceRow("none", 1, 0, "hindi", "radio", 1, 1.0, 0.5))
    header, lines = comparison.by_source(rows)
    assert header == ["language", "source left out", "mask", "none"]
    assert lines == [["english", "radio", "37.5%", "–"], ["hindi", "radio", "–", "100.0%"]]


def test_equal_cells_have_no_best_nor_have_those_that_lack_a_seed(made: list[TrialScores]) -> None:
    twins = [scored(name, seed, wrong=[3]) for name in ("one", "two") for seed in (1, 2)]
    assert not [row for row in comparison.compare(twins, [1, 2]) if row.best]
    rows = comparison.compare([trial for trial in made if trial.row.experiment != "good-2"], [1, 2])
    assert rows_of(rows, "good")["c_avg"].seeds == 1
    assert not [row for row in rows if row.best]


def test_times_are_judged_over_two_seeds_or_more_if_all_are_known() -> None:
    def fastest(*minutes: float) -> list[str]:
        trials = [
            scored(name, seed, [], time)
            for seed in range(1, 1 + len(minutes) // 2)
            for name, time in zip(("one", "two"), minutes[2 * seed - 2 : 2 * seed], strict=True)
        ]
        rows = comparison.compare(trials, sorted({trial.row.seed for trial in trials}))
        return [row.cell for row in rows if row.best and row.measure == "minutes"]

    assert fastest(1, 2, 1, 2) == ["one"]
    assert fastest(1, 2) == []
    assert fastest(1, 2, 1, math.nan) == ["one"]  # the seed that has a time
    assert fastest(1, math.nan, 1, math.nan) == []


def test_a_page_shows_every_number(made: list[TrialScores]) -> None:
    page = comparison.markdown(comparison.compare(made, [1, 2]), ["Measured."])
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert lines[2].startswith("| good | 2 | **95.0 % [")
    assert len({line.count("|") for line in lines}) == 1
    assert page.endswith("Measured.\n")
    row = ComparisonRow("a", 1, "", "", "minutes", 1.5, 1.5, 1.5, 0)
    changes: list[dict[str, Any]] = [{}, {"mean": math.nan}, {"seeds": 2, "high": 2.0}]
    shown = [comparison.text(dataclasses.replace(row, **change)) for change in changes]
    assert shown == ["1.50", "–", "1.50 [1.50, 2.00]"]
