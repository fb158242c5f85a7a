"""No speaker weighs more than its share of a class, and every class keeps its weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.weights import cap_speakers, even_speakers
from pipeline.rows import SequenceRow

CORPORA = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 20), st.integers(0, 300), st.sampled_from([1.0, 0.4])),
    min_size=1,
    max_size=60,
)


def mass(rows: list[SequenceRow], counted: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        speakers = found.setdefault(row.language, {})
        speakers[row.speaker] = speakers.get(row.speaker, 0) + row.weight * int(counted[row.recording].sum())
    return found


@given(CORPORA, st.floats(0.01, 1))
def test_a_cap_holds_and_classes_keep_their_weight(corpus: list[tuple[str, int, int, float]], cap: float) -> None:
    rows, counted = [], {}
    for number, (language, speaker, n_frames, weight) in enumerate(corpus):
        rows.append(SequenceRow(f"r{number}/0", f"r{number}", language, f"s{speaker}", 0, 300, weight=weight))
        counted[f"r{number}"] = np.arange(300) < n_frames
    capped, few = cap_speakers(rows, counted, [row.language for row in rows], {"a": cap, "b": cap})
    before, after = mass(rows, counted), mass(capped, counted)
    for language, speakers in before.items():
        total, heard = sum(speakers.values()), {name: size for name, size in speakers.items() if size}
        now = {name: after[language][name] for name in heard}
        assert sum(after[language].values()) == pytest.approx(total, rel=1e-3, abs=1e-3)
        assert (language in few) == (len(heard) * cap < 1)
        if language in few:
            assert few[language] == len(heard)
            assert all(share == pytest.approx(total / len(heard), rel=1e-3, abs=1e-3) for share in now.values())
            continue
        assert max(now.values(), default=0) <= cap * total * 1.001 + 1e-3
        # Speakers below the cap keep their proportions.
        free = [now[name] / size for name, size in heard.items() if now[name] < 0.99 * cap * total]
        assert max(free, default=1) == pytest.approx(min(free, default=1), rel=1e-2)


def test_a_cap_of_one_changes_nothing() -> None:
    rows = [SequenceRow(f"r{n}/0", f"r{n}", "a", f"s{n}", 0, 9, weight=0.123456) for n in range(3)]
    counted = {row.recording: np.ones(9, bool) for row in rows}
    assert cap_speakers(rows, counted, ["a"] * 3, {"a": 1.0}) == (rows, {})


@given(CORPORA, st.floats(0, 1))
def test_evened_speakers_weigh_a_power_of_what_they_weighed_and_classes_keep_their_weight(
    corpus: list[tuple[str, int, int, float]], evenness: float
) -> None:
    rows, counted = [], {}
    for number, (language, speaker, n_frames, weight) in enumerate(corpus):
        rows.append(SequenceRow(f"r{number}/0", f"r{number}", language, f"s{speaker}", 0, 300, weight=weight))
        counted[f"r{number}"] = np.arange(300) < n_frames
    evened = even_speakers(rows, counted, [row.language for row in rows], evenness)
    before, after = mass(rows, counted), mass(evened, counted)
    for language, speakers in before.items():
        assert sum(after[language].values()) == pytest.approx(sum(speakers.values()), rel=1e-2, abs=1e-2)
        ratios = [after[language][name] / size ** (1 - evenness) for name, size in speakers.items() if size > 1]
        assert max(ratios, default=1) == pytest.approx(min(ratios, default=1), rel=2e-2, abs=1e-2)


def test_no_evenness_changes_nothing() -> None:
    rows = [SequenceRow(f"r{n}/0", f"r{n}", "a", f"s{n}", 0, 9, weight=0.123456) for n in range(3)]
    counted = {row.recording: np.arange(9) < 3 * number for number, row in enumerate(rows, 1)}
    assert even_speakers(rows, counted, ["a"] * 3, 0.0) == rows
