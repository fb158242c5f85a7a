"""The start and the end of `lid` and of every stage.

Imported by programs only, before any other package: it settles the environment, and from its first line on, Ctrl-C
ends the process silently until a command runs.
"""

import signal

if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import atexit
import errno
import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.console import environment, quiet
from pipeline.console.mistakes import MISTAKE, sentence
from pipeline.console.terminal import show_error

environment.use_utf8()
environment.settle()

if TYPE_CHECKING:
    import click

BROKEN_PIPE = 141  # exit status; a shell's for a signal is 128 + its number

_ended: list[int] = []  # with this exit status


@atexit.register  # first, so that it runs last
def _leave() -> None:
    """End the process: Python would take down every object of every module before, which takes up to 0.3 s."""
    if _ended:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(_ended[0])


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error of the imports that come before a command, such as those of a stage, as one of the command."""
    if text := sentence(error):
        show_error(text)
        _ended.append(MISTAKE)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _show


def run(command: "click.Command") -> None:
    """Run a command as this program, then exit; click chooses the exit status."""
    quiet.redirect()
    try:
        command.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if quiet.Output.failure and quiet.Output.failure.errno == errno.EPIPE:
            status = BROKEN_PIPE
        _ended.append(status)
        sys.exit(status)
