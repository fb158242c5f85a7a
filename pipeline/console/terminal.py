"""What a person reads while and after a job runs: how far it is, and tables that line up."""

import time
from collections.abc import Iterable, Sequence

from pipeline.console.text import printable

INTERVAL = 2.0  # seconds between lines


class Progress:
    """How far a job with a known total is: at most a line every two seconds, and one when it is done.

    >>> progress = Progress("trim", 3, "recordings")
    >>> progress.update(3)
    trim: 3 of 3 recordings, in 0 s
    """

    def __init__(self, job: str, total: int, unit: str) -> None:
        self.job, self.total, self.unit = job, total, unit
        self.done = 0
        self._began = self._told = time.monotonic()

    def update(self, more: int, note: str = "") -> None:
        """Count `more` as done and say so if it is time to; `note` is added to the line."""
        self.done += more
        now = time.monotonic()
        took = now - self._began
        if self.done >= self.total:
            self._tell(f"in {took:.0f} s", note)
        elif now - self._told >= INTERVAL:
            self._told = now
            self._tell(f"{took * (self.total / self.done - 1):.0f} s left", note)

    def _tell(self, when: str, note: str) -> None:
        width = len(str(self.total))
        print(f"{self.job}: {self.done:{width}} of {self.total} {self.unit}, {when}{note and ', ' + note}", flush=True)


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their header, the first column to the left, the others to the right.

    >>> show_table(["language", "minutes"], [["english", 24.25], ["hindi", 6]])
    language  minutes
    english     24.25
    hindi           6
    """
    lines = [[printable(cell) for cell in line] for line in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print("  ".join(cells).rstrip())
