"""The programs that this package calls: SoX, espeak-ng and Graphviz."""

import shutil

from pipeline.errors import ProgramError

PACKAGES = {"sox": "sox libsox-fmt-all", "espeak-ng": "espeak-ng", "dot": "graphviz"}  # program: Debian packages


def require(program: str) -> str:
    """Return the path of a program.

    Raises
    ------
    ProgramError
        If it is not on PATH, naming the packages that hold it.
    """
    path = shutil.which(program)
    if path is None:
        raise ProgramError(f"the program {program!r} is not on PATH; install it: apt-get install {PACKAGES[program]}")
    return path
