"""The DVC stages: each reads params.yaml and its inputs, calls pipeline, writes artifacts. Imported by nobody.

What all of them share is here: where things are, and how a user's mistake is told.
"""

import errno
import gc
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import UserError

PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")
FULL, READ_ONLY = (errno.ENOSPC, errno.EDQUOT), (errno.EROFS, errno.EACCES, errno.EPERM)


def run(stage: Callable[[], None]) -> None:
    """Run a stage; a user's mistake is one line on standard error and exit status 2."""
    try:
        stage()
        gc.freeze()  # else Python looks for garbage before it ends: 0.3 s for what the system frees anyway
    except UserError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno in FULL:
            free = shutil.disk_usage(Path.cwd()).free / 1e6
            _stop(
                f"the disk is full ({error.filename or ARTIFACTS.resolve()}; {free:,.0f} MB are free here): make room "
                "and run `dvc repro` again; finished shards are in the memo"
            )
        if error.errno in READ_ONLY:
            _stop(
                f"{error.filename or ARTIFACTS.resolve()} can't be written ({error.strerror}): make it writable for "
                "this user and run `dvc repro` again"
            )
        raise


def _stop(sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)
