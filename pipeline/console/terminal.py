"""Output for people: the progress of a job, and aligned tables."""

import sys
import time
from collections.abc import Iterable, Sequence

from pipeline.console.text import printable

INTERVAL_S = 2.0  # between lines of progress


class Progress:
    """Show the progress of a job with a known total: at most one line every two seconds, and one at the end.

    >>> progress = Progress("trim", 3, "recordings")
    >>> progress.update(3)
    trim: 3 of 3 recordings, in 0 s
    """

    def __init__(self, job: str, total: int, unit: str) -> None:
        self.job, self.total, self.unit = job, total, unit
        self.done = 0
        self._start = self._last_line = time.monotonic()

    def update(self, more: int, note: str = "") -> None:
        """Count `more` units as done, and print a line if it is due; `note` ends the line."""
        self.done += more
        now = time.monotonic()
        elapsed_s = now - self._start
        if self.done >= self.total:
            self._print(f"in {elapsed_s:.0f} s", note)
        elif now - self._last_line >= INTERVAL_S:
            self._last_line = now
            self._print(f"{elapsed_s * (self.total / self.done - 1):.0f} s left", note)

    def _print(self, when: str, note: str) -> None:
        width = len(str(self.total))
        print(f"{self.job}: {self.done:{width}} of {self.total} {self.unit}, {when}{note and ', ' + note}", flush=True)


def show_error(error: object) -> None:
    """Print an error on one line of standard error."""
    print(printable(f"error: {error}"), file=sys.stderr, flush=True)  # click.echo would choose its own encoding


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header, the first column aligned left, the others right.

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


def show_reused(total: int, reused: int, unit: str) -> None:
    """Print how many results are new, and how many were taken from the cache.

    >>> show_reused(4120, 4117, "files")
    3 files new, 4,117 reused
    """
    if reused:
        print(f"{total - reused:,} {unit} new, {reused:,} reused")
