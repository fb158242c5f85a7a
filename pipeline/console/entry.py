"""The outermost layer of `lid` and of every stage: a traceback is shown for a defect of this package only.

Imported by programs only, before any other package: it settles the environment, and from its first line on, Ctrl-C
ends the process silently until `run` handles it.
"""

import signal

if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import atexit
import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, TextIO

from pipeline.console import environment

environment.use_utf8()
environment.settle()

MISTAKE, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # exit statuses; a shell's for a signal is 128 + its number
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
ENVIRONMENT_ERRORS = DISK_FULL | {  # of the file system: the user can fix them
    errno.EACCES,
    errno.EISDIR,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}

_ended: list[int] = []  # with this exit status


@atexit.register  # first, so that it runs last
def _leave() -> None:
    """End the process: Python would take down every object of every module before, which takes up to 0.3 s."""
    if _ended:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(_ended[0])


def run(main: Callable[[], object], folder: str = ".") -> None:
    """Run the main function of a process, then exit.

    A mistake that the user can fix becomes one line on standard error and exit status 2.

    Parameters
    ----------
    main
        The whole work of the process.
    folder
        The folder that the process writes into, named if an error of the file system names no file.
    """
    interrupts, output = _catch_interrupts(), _redirect_streams()
    status = 0
    try:
        main()
        sys.stdout.flush()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        if interrupts:  # an interrupted import may raise an error other than KeyboardInterrupt
            _print_line("interrupted; run it again: finished work is reused")
            status = INTERRUPTED
        elif error is output.failure:
            status = BROKEN_PIPE
        elif sentence := _sentence(error, folder):
            _print_line(f"error: {sentence}")
            status = MISTAKE
        else:
            raise
    _exit(status, output)


def _sentence(error: BaseException, folder: str) -> str | None:
    """The one sentence for an error that the user can fix; None for a defect."""
    import shutil
    from pathlib import Path

    from pipeline.errors import UserError

    if isinstance(error, UserError):
        return str(error)
    if not isinstance(error, OSError) or error.errno not in ENVIRONMENT_ERRORS:
        return None
    path = Path(os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder)
    if error.errno in DISK_FULL:
        existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        free_mb = shutil.disk_usage(existing).free / 1e6
        return (
            f"the disk of {path} is full ({free_mb:,.0f} MB free); make room and run it again: finished work is reused"
        )
    return f"{path} can't be used ({error.strerror}): check its name and that this user may read and write it"


def _print_line(line: str) -> None:
    from pipeline.console.text import printable

    print(printable(line), file=sys.stderr)


def _catch_interrupts() -> list[int]:
    """Let the first Ctrl-C raise KeyboardInterrupt, and the second end the process; the list records the first."""
    import threading

    interrupts: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        if interrupts:
            os._exit(INTERRUPTED)
        interrupts.append(number)
        sys.unraisablehook = threading.excepthook = _ignore  # errors of threads that the first interrupt breaks
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored if the process runs in the background
        signal.signal(signal.SIGINT, interrupt)
    return interrupts


def _ignore(_: Any) -> None:
    pass


class _Output(io.FileIO):
    """A file that remembers the error of a failed write."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


def _redirect_streams() -> _Output:
    """Keep standard output and error for this package, and make any character printable in any encoding.

    Decoders and runtimes write to file descriptors 1 and 2 directly. From here on both lead to the null device, also in
    the workers that this process starts. Returns the file behind standard output.
    """
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:  # otherwise other files would get those of closed streams
        pass
    output = _Output(os.dup(1), "w")
    sys.stdout = _writer(io.BufferedWriter(output), sys.stdout, output.isatty())
    sys.stderr = _writer(os.fdopen(os.dup(2), "wb"), sys.stderr, by_line=True)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    return output


def _writer(file: BinaryIO, like: TextIO | None, by_line: bool) -> TextIO:
    encoding = like.encoding if like else "utf-8"
    return io.TextIOWrapper(file, encoding, errors="backslashreplace", line_buffering=by_line)


def _exit(status: int, output: _Output) -> None:
    """Exit the process; silently if nobody reads the output."""
    with suppress(OSError):
        sys.stdout.flush()
    if output.failure is None:
        _ended.append(status)
        sys.exit(status)
    if output.failure.errno != errno.EPIPE:
        reason = output.failure.strerror
        _print_line(f"error: standard output can't be written ({reason}); redirect it to a disk with free space")
        status = MISTAKE
    os._exit(status or BROKEN_PIPE)  # sys.exit would try to write the output again
