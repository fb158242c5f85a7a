"""The environment of a process: no setting of a shell, a home or another package changes a result or stops a run.

A program calls `settle` before it imports any package. The library runs in somebody else's process and restores what it
changes: it imports Keras and ONNX Runtime within `defaults`.
"""

import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

PREFIXES = (  # of variables that change arithmetic, formats or the import of a package, or the options of SoX
    "BLOSC_", "DNNL_", "KERAS_", "LIBROSA_", "NPY_", "NUMBA_", "ONEDNN_", "PYTHONWARNINGS", "SCIPY_", "SKLEARN_", "SOX",
    "TF_", "XLA_", "ZARR_",
)  # fmt: skip
KEPT = ("NUMBA_CACHE_DIR", "TF_FORCE_GPU_ALLOW_GROWTH")
CHOSEN = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # a folder that holds no keras.json, and can't
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime sends what it runs to its makers
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # decides last bits
SOCKET_FOLDER_BYTES = 70  # multiprocessing adds up to 33 to make the name of a socket, of at most 103 on some systems


def use_utf8() -> None:
    """Start this program again if names of files would be read in another encoding: they are part of results."""
    if sys.getfilesystemencoding().lower() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": getattr(sys.stdout, "encoding", "utf-8")}
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def settle() -> None:
    """Settle the environment of this process, and of those that it starts."""
    _apply(CHOSEN | ONE_THREAD | {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull})
    own_packages_first()
    if sys.warnoptions:  # they may turn warnings of packages into errors
        sys.warnoptions.append("ignore")  # the last one counts, in processes that this one starts too
        warnings.simplefilter("ignore")
    with suppress(OSError):  # `lid doctor` tells why there is no temporary folder
        os.environ["TMPDIR"] = tempfile.tempdir = _temporary_folder()
        if not can_write(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")):  # noqa: PTH111 (no error)
            cache = _cache_in(Path(tempfile.gettempdir()))
            os.environ |= {"XDG_CACHE_HOME": cache, "NUMBA_CACHE_DIR": f"{cache}/numba", "MPLCONFIGDIR": cache}


@contextmanager
def defaults() -> Iterator[None]:
    """Import packages with their own defaults, then restore the environment."""
    before = dict(os.environ)
    _, of_module, name = before.get("MPLBACKEND", "").partition("module://")
    unknown = of_module and not find_spec(name.partition(".")[0])  # a notebook's, in a process without it
    _apply(CHOSEN | ({"MPLBACKEND": "agg"} if unknown else {}))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def own_packages_first() -> None:
    """Look in the folders of PYTHONPATH last, unless they hold this package: those beside Python have its versions."""
    root = Path(__file__).parents[2]
    given = [Path(folder).absolute() for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    others = [str(folder) for folder in given if folder != root]
    sys.path[:] = [folder for folder in sys.path if folder not in others] + others


def can_write(folder: str) -> bool:
    """Return True if a folder can be written, or made."""
    path = Path(folder)
    existing = next((place for place in (path, *path.parents) if place.exists()), path)
    return path.is_absolute() and os.access(existing, os.W_OK | os.X_OK)


def _apply(chosen: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIXES) and name not in KEPT]:
        del os.environ[name]
    os.environ.update(chosen)


def _temporary_folder() -> str:
    """Return the usual folder, unless its name is too long for a socket and another one can be written."""
    usual = tempfile.gettempdir()
    others = ("/tmp", "/var/tmp") if len(os.fsencode(usual)) > SOCKET_FOLDER_BYTES else ()  # noqa: S108
    return next(filter(can_write, others), usual)


def _cache_in(folder: Path) -> str:
    """Return a folder for caches that nobody else can write: packages run the code that they find there."""
    user = getattr(os, "getuid", int)()  # Windows has no numbers of users
    mine = folder / f"lid-pipeline-{user}"
    with suppress(FileExistsError):
        mine.mkdir(0o700)
    status = mine.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o077:
        return str(mine)
    return tempfile.mkdtemp(prefix="lid-pipeline-")
