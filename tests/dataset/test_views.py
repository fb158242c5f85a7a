"""The silence view of a recording."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import views
from pipeline.errors import ArgumentError
from pipeline.params import SilenceStrategy

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
def test_each_strategy_gives_the_view_that_is_drawn(
    strategy: SilenceStrategy, rows: list[int], targets: list[int], weights: list[int], counted: list[int]
) -> None:
    view = views.view(strategy, SPEECH, language=1, languages=3)
    assert view.rows.tolist() == rows
    assert view.targets.tolist() == targets
    assert view.weights.tolist() == weights
    assert views.counted(strategy, SPEECH).tolist() == counted


@pytest.mark.parametrize("strategy", get_args(SilenceStrategy))
@given(flags=st.lists(st.booleans(), max_size=40), language=st.integers(0, 2))
def test_rows_that_count_have_weight_and_the_class_of_the_language(
    strategy: SilenceStrategy, flags: list[bool], language: int
) -> None:
    speech = np.array(flags, bool)
    before = speech.copy()
    view = views.view(strategy, speech, language, 3)
    counted = views.counted(strategy, speech)
    assert len(view.rows) == len(view.targets) == len(view.weights) == len(counted)
    assert np.array_equal(counted, (view.targets == language) & (view.weights > 0))
    assert np.array_equal(speech, before)


def test_every_strategy_of_the_parameters_is_in_the_table() -> None:
    assert tuple(views.POLICIES) == get_args(SilenceStrategy)
    assert {policy.weight for policy in views.POLICIES.values()} <= {0, 1}  # a frame counts or it does not
    assert len({policy.sentence for policy in views.POLICIES.values()}) == len(views.POLICIES)


@pytest.mark.parametrize("strategy", get_args(SilenceStrategy))
def test_a_policy_describes_the_view(strategy: SilenceStrategy) -> None:
    policy, view = views.policy(strategy), views.view(strategy, SPEECH, language=1, languages=3)
    silent = ~SPEECH[view.rows]
    assert policy.seen == silent.any()
    assert policy.weighted == view.weights[silent].any()
    assert policy.own_class == (view.targets[silent] == 3).any()


@given(strategy=st.text(max_size=5) | st.sampled_from(["Remove", "trim", "none ", None, 1, ["none"]]))
def test_an_unknown_strategy_is_refused(strategy: Any) -> None:
    for use in (
        lambda: views.view(strategy, SPEECH, 0, 3),
        lambda: views.counted(strategy, SPEECH),
        lambda: views.classes(strategy, ("a", "b")),
        lambda: views.rows_before(strategy, SPEECH, 1),
    ):
        if strategy not in get_args(SilenceStrategy):
            with pytest.raises(ArgumentError, match=f"is unknown; take one of {', '.join(get_args(SilenceStrategy))}$"):
                use()


def test_only_label_has_a_class_for_silence_and_it_is_the_last() -> None:
    assert views.classes("label", ("a", "b")) == ("a", "b", "silence")
    for strategy in ("none", "remove", "mask"):
        assert views.classes(strategy, ("a", "b")) == ("a", "b")


@pytest.mark.parametrize("strategy", get_args(SilenceStrategy))
def test_rows_before_a_frame_are_those_of_earlier_frames(strategy: SilenceStrategy) -> None:
    rows = views.view(strategy, SPEECH, 0, 3).rows
    for frame in range(len(SPEECH) + 1):
        assert views.rows_before(strategy, SPEECH, frame) == int(np.sum(rows < frame))
