"""Frames are counted as their language, and a split without any is refused."""

import dataclasses

import numpy as np

from pipeline.dataset import counts
from pipeline.rows import SequenceRow


def test_the_summary_counts_the_first_network_and_its_weights() -> None:
    rows = [
        SequenceRow("r/0", "r", "a", "s", 0, 2, weight=0.5),
        SequenceRow("r/1", "r", "a", "s", 2, 2, weight=1.5),
        SequenceRow("r/0", "r", "a", "s", 0, 2, member=1),
    ]
    counted = {"r": np.array([True, False, True, True])}
    assert counts.summary(rows, counted, ["b", "a"], frame_s=30) == {
        "b": {"sequences": 0, "frames": 0, "weighed": 0, "minutes": 0.0},
        "a": {"sequences": 2, "frames": 3, "weighed": round(0.5 + 2 * 1.5), "minutes": 1.5},
    }


def test_minutes_are_counted_by_language_source_and_speaker() -> None:
    before = [
        SequenceRow("r/0", "r", "a", "s", 0, 6, source="radio"),
        SequenceRow("q/0", "q", "a", "t", 0, 3),
        SequenceRow("p/0", "p", "b", "s", 0, 1, source="radio"),
    ]
    counted = {"r": np.ones(6, bool), "q": np.array([True, True, False]), "p": np.ones(1, bool)}
    after = [dataclasses.replace(row, weight=3.0) for row in before[1:]]
    after += [dataclasses.replace(before[1], member=1)]
    tree = counts.before_and_after(before, after, counted, ["b", "a"], frame_s=60)

    def amounts(*pairs: tuple[float, float]) -> dict[str, dict[str, float]]:
        found = zip(counts.MEASURES, pairs, strict=True)
        return {measure: {"minutes": minutes, "share": share} for measure, (minutes, share) in found}

    t, s = amounts((2, 0.25), (2, 1), (6, 1)), amounts((6, 0.75), (0, 0), (0, 0))
    whole = amounts((8, 0.8889), (2, 0.6667), (6, 0.6667))
    assert tree["a"] == {
        **whole, "speakers": 2, "sources": {"": t, "radio": s}, "largest_speakers": {"t": t, "s": s},
    }  # fmt: skip
    assert list(tree) == ["b", "a"]


def test_the_five_largest_speakers_are_those_before_or_weighted() -> None:
    rows = [SequenceRow(f"{n}/0", f"{n}", "a", f"s{n}", 0, 10 * n, weight=1.0) for n in range(1, 9)]
    counted = {row.recording: np.ones(row.frames, bool) for row in rows}
    after = [dataclasses.replace(rows[0], weight=90.0), *rows[1:]]
    tree = counts.before_and_after(rows, after, counted, ["a"], frame_s=1)
    assert list(tree["a"]["largest_speakers"]) == ["s1", "s8", "s7", "s6", "s5"]
    assert tree["a"]["speakers"] == 8
