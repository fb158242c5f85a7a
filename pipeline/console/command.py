"""The hook into click: errors that the user can fix end a program with one sentence, others with a traceback."""

import errno
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.console import quiet
from pipeline.console.terminal import show_error
from pipeline.console.text import shorten
from pipeline.errors import Defect, UserError

MISTAKE, INTERRUPTED = 2, 130  # exit statuses; a shell's for a signal is 128 + its number
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG}  # a path that the user can change
OWN = ("pipeline", "stages")  # a module of these that is missing is a defect


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
            if text := sentence(error, folder):
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


def sentence(error: BaseException, folder: str = ".") -> str | None:
    """Return the one sentence for an error that the user can fix, or None for a defect."""
    match error:
        case UserError():
            return str(error)
        case click.ClickException():
            return error.format_message()
        case ModuleNotFoundError() if (error.name or "pipeline").partition(".")[0] not in OWN:
            return f"{error.name} is not installed; in a clone of the project, run: pip install '.[pipeline]'"
        case OSError() if error.errno in DISK_FULL or (error.errno in REFUSED and error.filename is not None):
            return _refusal(error, folder)
        case Exception() if package := _unusable_package(error):
            return f"{package} can't be imported ({type(error).__name__}: {shorten(str(error), 300)}); run `lid doctor`"
    return None


def _unusable_package(error: Exception) -> str | None:
    """Return the package whose import raised an error, as damaged settings of it do, or None."""
    package = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "").partition(".")[0]
        if name in (*OWN, "__main__"):
            package = None
        elif frame.f_code.co_name == "<module>":
            package = package or name
    return package


def _refusal(error: OSError, folder: str) -> str:
    """Return the sentence for an error of the file system."""
    if error is quiet.Output.failure:
        return f"standard output can't be written ({error.strerror}); redirect it to a disk with free space"
    path = Path(os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder)
    if error.errno in REFUSED:
        return f"{path} can't be used ({error.strerror}): check its name and that this user may read and write it"
    existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    return f"the disk of {path} is full ({free_mb:,.0f} MB free); make room and run it again: finished work is reused"
