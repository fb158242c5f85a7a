"""One sentence for an error that the user can fix. No package is imported here: it may be what is missing."""

import errno
import os
import shutil
import traceback
from pathlib import Path

from pipeline.console import quiet
from pipeline.console.text import shorten
from pipeline.errors import UserError

MISTAKE = 2  # exit status
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG}  # a path that the user can change
OWN = ("pipeline", "stages")  # a module of these that is missing is a defect


def sentence(error: BaseException, folder: str = ".") -> str | None:
    """Return the one sentence for an error that the user can fix, or None for a defect."""
    match error:
        case UserError():
            return str(error)
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
