"""The best epoch is the one whose weights Keras restores, and every network has its own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rows import EpochRow
from pipeline.training import history


def row(epoch: int, val_loss: float, number: int = 0) -> EpochRow:
    return EpochRow(epoch, number, 1.0, 0.5, val_loss, 0.5, 1.0)


@pytest.mark.parametrize(
    ("losses", "best"),
    [([0.5, 0.4, 0.4, 0.6], 2), ([math.nan, 0.5, 0.4, 0.4], 3), ([math.inf, math.nan], 1), ([math.nan, math.nan], 1)],
)
def test_the_best_epoch_is_the_first_with_the_lowest_loss_that_is_a_number(losses: list[float], best: int) -> None:
    assert history.best_epoch(row(epoch, loss) for epoch, loss in enumerate(losses, 1)).epoch == best


@given(st.lists(st.integers(0, 1), max_size=8))
def test_every_row_is_listed_once_in_order_under_its_network(numbers: list[int]) -> None:
    rows = [row(epoch, 0.5, number) for epoch, number in enumerate(numbers, 1)]
    networks = history.by_network(rows)
    assert [row for epochs in networks for row in epochs] == sorted(rows, key=lambda row: row.member)
    assert [{row.member for row in epochs} for epochs in networks] == [{number} for number in sorted(set(numbers))]
