"""The hook into click: errors that the user can fix end a program with one sentence, others with a traceback."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipeline.console import quiet
from pipeline.console.mistakes import MISTAKE, sentence
from pipeline.console.terminal import show_error
from pipeline.errors import Defect

INTERRUPTED = 130  # exit status; a shell's for a signal is 128 + its number


class Command(click.Command):
    """A command whose errors are one sentence if the user can fix them, and a traceback otherwise.

    Parameters
    ----------
    folder
        Folder that it writes into, named if an error of the file system names no file.
    """

    def __init__(self, *args: Any, folder: str = ".", **options: Any) -> None:
        super().__init__(*args, **options)
        self.folder = folder

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parse the command line."""
        with _endings(self.folder):
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _endings(self.folder):
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


class Group(Command, click.Group):
    """Commands whose errors are shown in the same way."""


@contextmanager
def _endings(folder: str) -> Iterator[None]:
    """Let Ctrl-C and every error that the user can fix end the program with one line."""
    with _interruptible() as interrupts:
        try:
            yield
        except (click.exceptions.Exit, SystemExit):
            raise
        except BaseException as error:
            if interrupts:  # an interrupted import may raise an error other than KeyboardInterrupt
                print("interrupted; run it again: finished work is reused", file=sys.stderr)
                raise click.exceptions.Exit(INTERRUPTED) from error
            text = error.format_message() if isinstance(error, click.ClickException) else sentence(error, folder)
            if text:
                show_error(text)
                raise click.exceptions.Exit(MISTAKE) from error
            if isinstance(error, EOFError | BrokenPipeError) and error is not quiet.Output.failure:
                raise Defect("click would end silently") from error
            raise


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Let the first Ctrl-C raise KeyboardInterrupt, and the second end the process; the list records the first."""
    interrupts: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        if interrupts:
            os._exit(INTERRUPTED)
        interrupts.append(number)
        sys.unraisablehook = lambda _: None  # the interrupt breaks threads
        threading.excepthook = lambda _: None
        raise KeyboardInterrupt

    with on_interrupt(interrupt):
        yield interrupts


@contextmanager
def on_interrupt(handler: Callable[[int, Any], object]) -> Iterator[None]:
    """Let Ctrl-C call a handler, unless it is ignored because the process runs in the background."""
    previous = signal.getsignal(signal.SIGINT)
    if previous != signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
