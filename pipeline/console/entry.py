"""The outermost layer of `lid` and of every stage: nothing that goes wrong outside of this package is a traceback.

Imported by programs only: from its first line on, Ctrl-C ends the process without a word until `run` listens.
"""

import signal

if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, TextIO

INTERRUPTED = 130  # exit status, as of a shell: 128 + the signal
NOBODY_READS = 141
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_DEFECT = FULL | {
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


def run(main: Callable[[], object], folder: str = ".") -> None:
    """Run the whole of a process: whatever the user can put right is one line on standard error and exit status 2.

    Parameters
    ----------
    folder
        What the process writes into, for errors of the file system that do not say where they happened.
    """
    interrupts, output = _hear_interrupts(), _own_streams()
    status = 0
    try:
        main()
        sys.stdout.flush()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        if interrupts:  # what an interrupted import raises in its place is no defect either
            _tell("interrupted; run it again: finished work is reused")
            status = INTERRUPTED
        elif error is output.failure:
            status = NOBODY_READS
        elif sentence := _sentence(error, folder):
            _tell(f"error: {sentence}")
            status = 2
        else:
            raise
    _end(status, output)


def _sentence(error: BaseException, folder: str) -> str | None:
    """A user's mistake in one sentence; None for a defect."""
    import shutil
    from pathlib import Path

    from pipeline.errors import UserError

    if isinstance(error, UserError):
        return str(error)
    if not isinstance(error, OSError) or error.errno not in NO_DEFECT:
        return None
    path = Path(os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder)
    if error.errno in FULL:
        there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        return (
            f"the disk of {path} is full ({shutil.disk_usage(there).free / 1e6:,.0f} MB are free there): make room and "
            "run it again; finished work is reused"
        )
    return f"{path} can't be used ({error.strerror}): check its name and that this user may read and write it"


def _tell(line: str) -> None:
    from pipeline.console.text import printable

    print(printable(line), file=sys.stderr)


def _hear_interrupts() -> list[int]:
    """Have Ctrl-C raise KeyboardInterrupt once, noted in the list, and end the process the second time."""
    import threading

    interrupts: list[int] = []

    def hear(number: int, _: Any) -> None:
        if interrupts:
            os._exit(INTERRUPTED)
        interrupts.append(number)
        sys.unraisablehook = threading.excepthook = _silently  # of threads that the first one tears apart
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as it is for what runs in the background
        signal.signal(signal.SIGINT, hear)
    return interrupts


def _silently(_: Any) -> None:
    pass


class _Output(io.FileIO):
    """A file that remembers why it could not be written."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


def _own_streams() -> _Output:
    """Keep standard output and error for this package, whatever the names in it and the terminal's encoding.

    Decoders and runtimes write to file descriptors 1 and 2 as they like, so both lead nowhere from here on; so they do
    in the workers that this process starts. Returns the file behind standard output.
    """
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= 2:  # those that are closed would be given to other files
        pass
    output = _Output(os.dup(1), "w")
    sys.stdout = _writer(io.BufferedWriter(output), sys.stdout, output.isatty())
    sys.stderr = _writer(os.fdopen(os.dup(2), "wb"), sys.stderr, by_line=True)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return output


def _writer(file: BinaryIO, like: TextIO | None, by_line: bool) -> TextIO:
    encoding = like.encoding if like else "utf-8"
    return io.TextIOWrapper(file, encoding, errors="backslashreplace", line_buffering=by_line)


def _end(status: int, output: _Output) -> None:
    """Leave; without a word if nobody reads the output."""
    with suppress(OSError):
        sys.stdout.flush()
    if output.failure is None:
        if status:
            sys.exit(status)
        return
    if output.failure.errno != errno.EPIPE:
        _tell(f"error: standard output can't be written ({output.failure.strerror}); write it where there is room")
        status = 2
    os._exit(status or NOBODY_READS)  # sys.exit would try to write it again
