"""Pieces cover every recording once, and the leaky split puts pieces of one recording on both sides."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.rows import SplitRow
from pipeline.splits import pieces
from tests.splits.rows import SPLIT, recording


@given(st.lists(st.floats(0.5, 300), min_size=1, max_size=20), st.integers(0, 99))
def test_every_piece_is_in_one_split(seconds: list[float], seed: int) -> None:
    rows = [recording(number, f"l{number % 2}", "s", seconds=length) for number, length in enumerate(seconds)]
    assigned = pieces.assign(rows, SPLIT, seed)
    found = sorted((row.recording, number, count) for part in assigned.values() for row, number, count in part)
    assert len(found) == len(set(found))
    for row in rows:
        mine = [(number, count) for name, number, count in found if name == row.recording]
        assert mine == [(number, len(mine)) for number in range(len(mine))]
        assert len(mine) <= pieces.MAX_PIECES


def test_pieces_are_assigned_by_the_shares_at_random() -> None:
    rows = [recording(number, "a", "s", seconds=30) for number in range(20)]
    assigned, again, other = (pieces.assign(rows, SPLIT, seed) for seed in (1, 1, 2))
    assert [len(part) for part in assigned.values()] == [130, 30, 40]
    assert assigned == again != other
    assert (
        len({row.recording for row, _, _ in assigned["train"]} & {row.recording for row, _, _ in assigned["test"]}) > 10
    )


@given(st.integers(0, 10_000), st.integers(1, 10))
def test_the_frames_of_the_pieces_are_those_of_the_recording(n_frames: int, count: int) -> None:
    edges = [SplitRow("r", "a", "s", "g", 1.0, piece=number, pieces=count).frames(n_frames) for number in range(count)]
    assert [frame for first, stop in edges for frame in range(first, stop)] == list(range(n_frames))
