"""Frames are counted as their language, and a split without any is refused."""

import numpy as np
import pytest

from pipeline.dataset import counts
from pipeline.errors import CorpusError
from pipeline.tables import SequenceRow


def test_classes_are_counted_in_frames_that_count() -> None:
    counted = {"r": np.array([False, True, True, False])}
    assert counts.frames(SequenceRow("r/0", "r", "a", "s", 1, 2), counted) == 2
    assert counts.class_totals(
        [SequenceRow("r/0", "r", "a", "s", 0, 2), SequenceRow("r/1", "r", "a", "s", 2, 2)], counted
    ) == {"a": 2}


def test_the_summary_counts_the_first_network_and_its_weights() -> None:
    rows = [
        SequenceRow("r/0", "r", "a", "s", 0, 2, weight=0.5),
        SequenceRow("r/1", "r", "a", "s", 2, 2, weight=1.5),
        SequenceRow("r/0", "r", "a", "s", 0, 2, member=1),
    ]
    counted = {"r": np.array([True, False, True, True])}
    assert counts.summary(rows, counted, ["b", "a"]) == {
        "b": {"sequences": 0, "frames": 0, "weighed": 0},
        "a": {"sequences": 2, "frames": 3, "weighed": round(0.5 + 2 * 1.5)},
    }


def test_a_split_without_a_frame_of_a_language_is_refused() -> None:
    rows = [SequenceRow("r/0", "r", "a", "s", 0, 2), SequenceRow("q/0", "q", "b", "t", 0, 2)]
    counted = {"r": np.array([True, False]), "q": np.array([True, True])}
    counts.check(rows, counted, ["a", "b"], "val")
    with pytest.raises(CorpusError, match=r"no frame of 'b' in val is speech; lower silence\.threshold"):
        counts.check(rows, counted | {"q": np.zeros(2, bool)}, ["a", "b"], "val")
    with pytest.raises(CorpusError, match="no frame of 'c' in test is speech"):
        counts.check(rows, counted, ["a", "b", "c"], "test")
