"""The silence view of a recording, and how it is cut."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import views
from pipeline.dataset.sequences import cut
from pipeline.errors import ArgumentError
from pipeline.params import Strategy

#                  s s S S S S s s S S S s, as the drawing in pipeline/sequences.py
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
def test_each_strategy_shows_what_is_drawn(
    strategy: Strategy, rows: list[int], targets: list[int], weights: list[int], counted: list[int]
) -> None:
    view = views.view(strategy, SPEECH, language=1, languages=3)
    assert view.rows.tolist() == rows
    assert view.targets.tolist() == targets
    assert view.weights.tolist() == weights
    assert views.counted(strategy, SPEECH).tolist() == counted


@pytest.mark.parametrize("strategy", ["none", "remove", "mask", "label"])
@given(flags=st.lists(st.booleans(), max_size=40), language=st.integers(0, 2))
def test_what_counts_is_what_weighs_and_is_of_the_language(
    strategy: Strategy, flags: list[bool], language: int
) -> None:
    speech = np.array(flags, bool)
    before = speech.copy()
    view = views.view(strategy, speech, language, 3)
    counted = views.counted(strategy, speech)
    assert len(view.rows) == len(view.targets) == len(view.weights) == len(counted)
    assert np.array_equal(counted, (view.targets == language) & (view.weights > 0))
    assert np.array_equal(speech, before)


def test_every_strategy_that_a_parameter_can_have_is_carried_out() -> None:
    assert tuple(views.SILENT) == get_args(Strategy)


@given(strategy=st.text(max_size=5) | st.sampled_from(["Remove", "trim", "none ", None, 1, ["none"]]))
def test_a_strategy_that_there_is_not_is_refused(strategy: Any) -> None:
    for use in (
        lambda: views.view(strategy, SPEECH, 0, 3),
        lambda: views.counted(strategy, SPEECH),
        lambda: views.classes(strategy, ("a", "b")),
    ):
        if strategy not in get_args(Strategy):
            with pytest.raises(ArgumentError, match="is unknown; take one of none, remove, mask, label"):
                use()


def test_only_label_has_a_class_for_silence_and_it_is_the_last() -> None:
    assert views.classes("label", ("a", "b")) == ("a", "b", "silence")
    for strategy in ("none", "remove", "mask"):
        assert views.classes(strategy, ("a", "b")) == ("a", "b")


@given(st.integers(0, 5000), st.integers(1, 700))
def test_a_cut_holds_every_row_once_in_the_fewest_nearly_equal_sequences(rows: int, length: int) -> None:
    pieces = cut(rows, length)
    assert [row for start, frames in pieces for row in range(start, start + frames)] == list(range(rows))
    assert len(pieces) == -(-rows // length)
    lengths = {frames for _, frames in pieces}
    assert not lengths or (max(lengths) <= length and max(lengths) - min(lengths) <= 1)
