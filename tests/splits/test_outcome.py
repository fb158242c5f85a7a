"""Splits that can't be used are refused, what could not be had is said, and the numbers add up."""

import pytest

from pipeline.errors import CorpusError
from pipeline.splits import outcome
from tests.splits.rows import placed, recording

THREE = [recording(number, "a", f"s{number}", seconds=60) for number in range(3)]


@pytest.mark.parametrize("split", ["train", "test", "val"])
def test_a_split_without_anything_is_refused(split: str) -> None:
    others = [name for name in ("train", "val", "test") if name != split]
    with pytest.raises(CorpusError, match=rf"'a' has no group of recordings left for {split}"):
        outcome.check(placed(THREE, {"r0": others[0], "r1": others[1], "r2": others[1]}))


def test_val_may_lack_a_language_but_not_all() -> None:
    rows = [*THREE, recording(3, "b", "t0"), recording(4, "b", "t1")]
    split_of = {"r0": "train", "r1": "val", "r2": "test", "r3": "train", "r4": "test"}
    outcome.check(placed(rows, split_of))
    assert outcome.notes(placed(rows, split_of), None) == ["b: no group of recordings is left for val"]


def test_a_large_miss_is_said_with_its_reason_and_nothing_else() -> None:
    rows = [recording(n, "a", who, seconds=s) for n, (who, s) in enumerate([("ann", 90), ("bob", 5), ("eve", 5)])]
    placed_rows, reason = placed(rows, {"r0": "train", "r1": "val", "r2": "test"}), "of 3 speakers, ann alone has 90%"
    assert outcome.notes(placed_rows, (0.65, 0.15, 0.2)) == [
        f"a: train has 90% of the hours, not 65%; {reason}",
        f"a: val has 5% of the hours, not 15%; {reason}",
        f"a: test has 5% of the hours, not 20%; {reason}",
    ]
    assert outcome.notes(placed_rows, (0.9, 0.04, 0.06)) == []


def test_the_summary_counts_the_assigned_recordings() -> None:
    spoken = [("a", "s0", 30), ("a", "s0", 30), ("a", "s1", 20), ("a", "s2", 40), ("b", "s0", 60), ("b", "s4", 20)]
    rows = [recording(number, *who, seconds=seconds) for number, (*who, seconds) in enumerate(spoken)]
    split_of = {"r0": "train", "r1": "train", "r2": "val", "r3": "test", "r4": "train", "r5": "train"}
    found = outcome.summary(placed(rows, split_of), ["b", "a"])
    # Recordings, speakers, effective speakers, minutes and share.
    assert {name: [tuple(part.values()) for part in parts.values()] for name, parts in found.items()} == {
        "b": [(2, 2, 1.6, 1.33, 1), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)],
        "a": [(2, 1, 1, 1, 0.5), (1, 1, 1, 0.33, 0.1667), (1, 1, 1, 0.67, 0.3333)],
    }
