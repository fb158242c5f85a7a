"""Pins are read strictly; a contradiction or an unknown speaker is refused."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import CorpusError
from pipeline.splits import pins
from pipeline.splits.assignment import UNFIXED
from pipeline.splits.groups import groups
from tests.splits.rows import recording


def test_pins_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pins.csv"
    file.write_text("speaker,split\nann  lee,test\nbob, train\nbob,train\n")
    assert pins.read(file) == {"ann lee": "test", "bob": "train"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speaker\nann\n", "has no column split"),
        ("speaker,split\nann,dev\n", "line 2: split is 'dev'; write .* one of train, val, test"),
        ("speaker,split\nann,val\nann,test\n", "line 3 pins 'ann' to test, an earlier line to val"),
        ("speaker,split\nann\n", "line 2 is short"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "pins.csv"
    file.write_text(text)
    with pytest.raises(CorpusError, match=message):
        pins.read(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="can't be read"):
        pins.read(tmp_path / "pins.csv")


def test_a_pin_holds_for_the_whole_group() -> None:
    rows = [recording(0, "a", "ann", group="tape"), recording(1, "a", "bob", group="tape"), recording(2, "a", "eve")]
    assert np.array_equal(pins.fixed({"bob": "val"}, rows, groups(rows)), [1, UNFIXED])


def test_contradicting_and_unknown_pins_are_refused() -> None:
    rows = [recording(0, "a", "ann", group="tape"), recording(1, "a", "bob", group="tape")]
    with pytest.raises(CorpusError, match=r"pins.csv puts 'ann' into val and 'bob' into test, but they share"):
        pins.fixed({"ann": "val", "bob": "test"}, rows, groups(rows))
    with pytest.raises(CorpusError, match="pins 'eve', who is not in this corpus"):
        pins.fixed({"eve": "val"}, rows, groups(rows))


def test_an_unknown_pin_is_answered_with_the_names_that_end_like_it() -> None:
    rows = [recording(0, "a", "studio/Ann"), recording(1, "a", "phone/ann"), recording(2, "a", "phone/joann")]
    with pytest.raises(CorpusError, match=r"pins 'ann', who is not in this corpus; write 'phone/ann' or 'studio/Ann'$"):
        pins.fixed({"ann": "val"}, rows, groups(rows))
