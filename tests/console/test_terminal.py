"""Progress is a line every two seconds; tables line up."""

import time

import pytest

from pipeline.console.terminal import INTERVAL_S, Progress, show_table


def test_progress_is_shown_at_intervals_and_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress("trim", 100, "recordings")
    for _ in range(100):
        now += INTERVAL_S / 8
        progress.update(1, note="20 silent")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[0] == "trim:   8 of 100 recordings, 23 s left, 20 silent"
    assert lines[-1] == "trim: 100 of 100 recordings, in 25 s, 20 silent"


def test_a_cell_that_would_move_the_cursor_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["file", "n"], [["a\nb\x1b[2J", 1], ["c", 10]])
    assert capsys.readouterr().out == "file          n\na\\nb\\x1b[2J   1\nc            10\n"
