"""The silence view of a recording, and the sequences that cover it without gaps."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import views
from pipeline.errors import ArgumentError
from pipeline.params import SilenceStrategy
from pipeline.rows import SequenceRow, SplitRow

#                  s s S S S S s s S S S s, as drawn in pipeline/dataset/views.py
SPEECH = np.array([0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0], bool)
ALL = list(range(12))
SPOKEN = [2, 3, 4, 5, 8, 9, 10]


@pytest.mark.parametrize(
    ("strategy", "rows", "targets", "weights", "counted"),
    [
        ("none", ALL, [1] * 12, [1] * 12, [1] * 12),
        ("remove", SPOKEN, [1] * 7, [1] * 7, [1] * 7),
        ("mask", ALL, [1] * 12, [0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0]),
        ("label", ALL, [3, 3, 1, 1, 1, 1, 3, 3, 1, 1, 1, 3], [1] * 12, [0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0]),
    ],
)
def test_each_strategy_gives_the_view_that_is_drawn_and_a_policy_that_describes_it(
    strategy: SilenceStrategy, rows: list[int], targets: list[int], weights: list[int], counted: list[int]
) -> None:
    policy, view = views.policy(strategy), views.view(strategy, SPEECH, language=1, languages=3)
    assert view.rows.tolist() == rows
    assert view.targets.tolist() == targets
    assert view.weights.tolist() == weights
    assert views.counted(strategy, SPEECH).tolist() == counted
    silent = ~SPEECH[view.rows]
    assert policy.seen == silent.any()
    assert policy.weighted == view.weights[silent].any()
    assert policy.own_class == (view.targets[silent] == 3).any()


def test_every_strategy_of_the_parameters_is_in_the_table() -> None:
    assert tuple(views.POLICIES) == get_args(SilenceStrategy)
    assert {policy.weight for policy in views.POLICIES.values()} <= {0, 1}  # a frame counts or it does not
    assert len({policy.sentence for policy in views.POLICIES.values()}) == len(views.POLICIES)


@pytest.mark.parametrize("strategy", ["Remove", "", None, ["none"]])
def test_an_unknown_strategy_is_refused(strategy: Any) -> None:
    with pytest.raises(ArgumentError, match=f"is unknown; take one of {', '.join(get_args(SilenceStrategy))}$"):
        views.policy(strategy)


@given(st.integers(0, 5000), st.integers(1, 700))
def test_a_cut_holds_every_row_once_in_the_fewest_nearly_equal_sequences(n_rows: int, length: int) -> None:
    pieces = views.cut(n_rows, length)
    assert [row for start, frames in pieces for row in range(start, start + frames)] == list(range(n_rows))
    assert len(pieces) == -(-n_rows // length)
    lengths = {frames for _, frames in pieces}
    assert not lengths or (max(lengths) <= length and max(lengths) - min(lengths) <= 1)


def test_sequences_are_numbered_carry_the_columns_of_the_recording_and_are_its_rows() -> None:
    row = SplitRow("r", "hindi", "bob", "tape", 0.2, source="radio")
    columns = {"recording": "r", "language": "hindi", "speaker": "bob", "view": "mask", "features": "store"}
    assert views.sequence_rows(row, 20, 10, "mask", "store") == [
        SequenceRow(sequence="r/0", start=0, frames=10, source="radio", **columns),  # type: ignore[arg-type]
        SequenceRow(sequence="r/1", start=10, frames=10, source="radio", **columns),  # type: ignore[arg-type]
    ]
    assert views.sequence_rows(row, 0, 10, "remove", "store") == []
