"""Every row of the store has one owner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shards import layout


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30), rows=st.integers(1, 64))
def test_shards_own_every_row_once_and_in_order(lengths: list[int], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SHARD_ROWS", rows)
        shards = list(layout.deal(lengths))
    owners = [
        (piece.index, piece.first + frame) for shard in shards for piece in shard.pieces for frame in range(piece.count)
    ]
    assert owners == [(index, frame) for index, length in enumerate(lengths) for frame in range(length)]
    assert [shard.start for shard in shards] == list(range(0, sum(lengths), rows))
    for shard in shards:
        assert shard.pieces[0].row == shard.start
        assert sum(piece.count for piece in shard.pieces) == shard.stop - shard.start <= rows
