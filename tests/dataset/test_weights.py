"""No speaker weighs more than its share of a class, and every class keeps its weight."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Flags
from pipeline.dataset.weights import even_speakers, limit_speakers
from pipeline.rows import SequenceRow

Corpus = tuple[list[SequenceRow], dict[str, Flags]]


def corpus(parts: list[tuple[str, int, int, float]]) -> Corpus:
    """One sequence per language, speaker, number of frames that count, and weight."""
    rows = [
        SequenceRow(f"r{number}/0", f"r{number}", language, f"s{speaker}", 0, 300, weight=weight)
        for number, (language, speaker, _, weight) in enumerate(parts)
    ]
    return rows, {row.recording: np.arange(300) < part[2] for row, part in zip(rows, parts, strict=True)}


CORPORA = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 20), st.integers(0, 300), st.sampled_from([1.0, 0.4])),
    min_size=1,
    max_size=60,
).map(corpus)


def mass(rows: list[SequenceRow], counted: dict[str, Flags]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        found[row.language][row.speaker] += row.weight * int(counted[row.recording].sum())
    return found


@given(CORPORA, st.floats(0.01, 1))
def test_a_cap_holds_and_classes_keep_their_weight(some: Corpus, cap: float) -> None:
    rows, counted = some
    capped, notes = limit_speakers(rows, counted, None, cap)
    before, after = mass(rows, counted), mass(capped, counted)
    for language, speakers in before.items():
        total, heard = sum(speakers.values()), {name: size for name, size in speakers.items() if size}
        now = {name: after[language][name] for name in heard}
        assert sum(after[language].values()) == pytest.approx(total, rel=1e-3, abs=1e-3)
        few = 0 < len(heard) * cap < 1
        assert any(f": {language} has {len(heard)} speaker" in note for note in notes) == few
        if few:
            assert all(share == pytest.approx(total / len(heard), rel=1e-3, abs=1e-3) for share in now.values())
            continue
        assert max(now.values(), default=0) <= cap * total * 1.001 + 1e-3
        # Speakers below the cap keep their proportions.
        free = [now[name] / size for name, size in heard.items() if now[name] < 0.99 * cap * total]
        assert max(free, default=1) == pytest.approx(min(free, default=1), rel=1e-2)


@given(CORPORA, st.floats(0, 1))
def test_evened_speakers_weigh_a_power_of_what_they_weighed_and_classes_keep_their_weight(
    some: Corpus, evenness: float
) -> None:
    before, after = mass(*some), mass(even_speakers(*some, None, evenness), some[1])
    for language, speakers in before.items():
        assert sum(after[language].values()) == pytest.approx(sum(speakers.values()), rel=1e-2, abs=1e-2)
        ratios = [after[language][name] / size ** (1 - evenness) for name, size in speakers.items() if size > 1]
        assert max(ratios, default=1) == pytest.approx(min(ratios, default=1), rel=2e-2, abs=1e-2)


def test_a_cap_of_one_and_no_evenness_change_nothing() -> None:
    rows, counted = corpus([("a", number, 3 * number, 0.123456) for number in (1, 2, 3)])
    assert limit_speakers(rows, counted, None, 1.0) == (rows, [])
    assert even_speakers(rows, counted, None, 0.0) == rows
