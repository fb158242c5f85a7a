"""Recall by source: a source with many recordings weighs as much as one with few."""

import pytest

from pipeline.scoring import sources


def test_sources_weigh_alike_within_a_language_and_languages_among_each_other() -> None:
    spoken = [("hindi", "radio", 9, 9), ("hindi", "calls", 1, 0), ("english", "radio", 2, 1)]
    answers = [
        (language, language if number < right else "other", source)
        for language, source, count, right in spoken
        for number in range(count)
    ]
    found = sources.summary(*map(list, zip(*answers, strict=True)))
    assert found["recall"] == {"english": {"radio": 0.5}, "hindi": {"calls": 0.0, "radio": 1.0}}
    assert found["macro_recall"] == 0.5
    assert found["interval"] is None  # one English source


def test_the_interval_is_over_sources() -> None:
    alike = {language: dict.fromkeys("abcde", 0.6) for language in ("english", "hindi")}
    uneven = {language: dict(zip("abcde", (0, 0.5, 1, 0.5, 1), strict=True)) for language in ("english", "hindi")}
    assert sources.interval(alike) == pytest.approx((0.6, 0.6))
    low, high = sources.interval(uneven) or (0, 0)
    assert 0.2 < low < 0.6 < high < 0.95


def test_the_sentence_counts_sources_once() -> None:
    found = sources.summary(["english", "hindi"], ["english", "english"], ["radio", "radio"])
    assert sources.sentence(found) == "1 source not heard before: macro recall 50.0%"
