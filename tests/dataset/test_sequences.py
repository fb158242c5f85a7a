"""Sequences cover the view of a recording without gaps, and their rows name the view."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.sequences import cut, sequence_rows
from pipeline.rows import SequenceRow, SplitRow


@given(st.integers(0, 5000), st.integers(1, 700))
def test_a_cut_holds_every_row_once_in_the_fewest_nearly_equal_sequences(n_rows: int, length: int) -> None:
    pieces = cut(n_rows, length)
    assert [row for start, frames in pieces for row in range(start, start + frames)] == list(range(n_rows))
    assert len(pieces) == -(-n_rows // length)
    lengths = {frames for _, frames in pieces}
    assert not lengths or (max(lengths) <= length and max(lengths) - min(lengths) <= 1)


def test_the_sequences_of_a_recording_are_numbered_and_carry_its_columns() -> None:
    row = SplitRow("r", "hindi", "bob", "tape", 0.2)
    columns = {"recording": "r", "language": "hindi", "speaker": "bob", "view": "mask", "features": "store"}
    assert sequence_rows(row, 0, 20, 10, "mask", "store") == [
        SequenceRow(sequence="r/0", start=0, frames=10, **columns),  # type: ignore[arg-type]
        SequenceRow(sequence="r/1", start=10, frames=10, **columns),  # type: ignore[arg-type]
    ]


def test_the_sequences_of_a_piece_are_rows_of_the_recording() -> None:
    row = SplitRow("r", "hindi", "bob", "tape", 0.2, piece=1, pieces=3)
    found = sequence_rows(row, 20, 35, 10, "mask", "store")
    assert [(part.sequence, part.start, part.frames) for part in found] == [("r/1/0", 20, 8), ("r/1/1", 28, 7)]


def test_an_empty_view_has_no_sequences() -> None:
    assert sequence_rows(SplitRow("r", "hindi", "bob", "tape", 0.2), 0, 0, 10, "remove", "store") == []
