"""`lid doctor`: try everything that a run needs before anything is computed; name a remedy for what fails."""

import getpass
import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import cluster, params, programs, versions
from pipeline.cache import LIMIT_BYTES, Cache
from pipeline.console import environment
from pipeline.console.text import shorten
from pipeline.corpus import remote
from pipeline.corpus.paths import is_folder
from pipeline.errors import UserError

DEMO = Path("artifacts/data/demo")  # corpus.root that the stage demo fills
ARTIFACTS = Path("artifacts")
ATTEMPTS: dict[str, tuple[list[str], list[str], bytes]] = {  # words that print the version; words and input of a trial
    "sox": (["--version"], ["-n", "-r", "8000", "-t", "wav", "-", "trim", "0", "0.1"], b""),
    "espeak-ng": (["--version"], ["-v", "hi", "--stdout", "a"], b""),
    "dot": (["-V"], ["-Tpng"], b"graph {a}"),
}
TIMEOUT_S = 30  # of a program
CONNECT_S = "10s"  # to a scheduler
LEAST_FREE_GIB = 1.0  # of disk space: the demo takes half of it
REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Finding:
    """The state of one program, package or resource; `remedy` is empty if nothing is wrong with it."""

    subject: str
    found: str
    remedy: str = ""


def _tried(subject: str, attempt: Callable[..., str], *given: object, remedy: str = "") -> Finding:
    """Return the finding of an attempt, which returns what it found; any exception names the reason."""
    try:
        return Finding(subject, attempt(*given).removesuffix("\n"))
    except Exception as error:  # of any package
        reason = str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"
        return Finding(subject, "can't be used", "; ".join(filter(None, [shorten(reason, REASON_CHARACTERS), remedy])))


def _programs() -> Iterator[Finding]:
    for name in ATTEMPTS:
        yield _tried(name, _program, name, remedy=f"install it: apt-get install {programs.PACKAGES[name]}")


def _program(name: str) -> str:
    flag, trial, given = ATTEMPTS[name]
    path = shutil.which(name)
    if path is None:
        raise UserError("it is missing")
    done, shown = (
        subprocess.run([path, *words], input=given, capture_output=True, check=False, timeout=TIMEOUT_S)
        for words in (trial, flag)
    )
    if done.returncode or not done.stdout:
        raise UserError(f"{path} fails ({programs.last_line(done.stderr)})")
    version = re.search(r"\d+\.\d+[\w.]*", (shown.stdout + shown.stderr).decode(errors="replace"))
    return version[0] if version else "unknown version"


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    settings = "dask.config", "zarr"  # these packages read files of the user
    yield _tried("settings", _imported, settings, "readable", remedy="correct or delete that file")
    try:
        about = importlib.metadata.metadata("lid-pipeline")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("lid-pipeline", "missing", "run `make setup`")
        return
    tested = re.findall(r"Python :: (3\.\d+)", " ".join(about.get_all("Classifier", [])))
    python = platform.python_version()
    remedy = f"this is {python}, tested are {', '.join(tested)}; run `make PYTHON=/path/to/python{tested[-1]} setup`"
    yield Finding("python", python, "" if python.rpartition(".")[0] in tested else remedy)
    needed = [Requirement(text) for text in about.get_all("Requires-Dist", [])]
    found = versions.installed(package.name for package in needed)
    for package in needed:
        version = found[package.name]
        missing = version == versions.MISSING
        if package.name == "av":
            lost = "missing: AAC, M4A, AMR, WMA and videos are rejected; pip install av"
            yield Finding("av", lost if missing else version)
        elif package.marker is None or package.marker.evaluate({"extra": "pipeline"}):
            fits = not missing and package.specifier.contains(version, prereleases=True)
            remedy = f"{package} is needed; run `make setup`, or pip install -r requirements.lock"
            yield Finding(package.name, "missing" if missing else version, "" if fits else remedy)


def _imported(modules: Iterable[str], state: str) -> str:
    """Import modules; return the state to show."""
    for module in modules:
        importlib.import_module(module)
    return state


def _project() -> Iterator[Finding]:
    remedy = "its whole path should be UTF-8, for DVC and Zarr; rename what is not"
    yield _tried("folder", lambda: os.fsencode(Path.cwd()).decode(), remedy=remedy)
    if sys.flags.safe_path and str(Path.cwd()) not in sys.path:
        yield Finding("PYTHONSAFEPATH", "set", "unset it: Python does not look for the stages in this folder")
    remedy = "DVC needs a repository, which `git init` makes"
    yield _tried("git", programs.git, Path(), "rev-parse", "--show-toplevel", remedy=remedy)
    yield _tried("user", getpass.getuser, remedy="DVC needs the name of the user; write any in LOGNAME")
    yield _tried("DVC's cache", _dvc_cache, remedy="run this in the folder of dvc.yaml; see `dvc cache dir`")
    try:
        places = params.load(Path("params.yaml")).corpus.places()
        yield Finding("params.yaml", "valid")
    except UserError as error:
        places = ()
        yield Finding("params.yaml", "can't be used", str(error))
    for source in places:
        if remote.is_remote(source.root):
            yield _tried("corpus", _listed, source.root, remedy="check the address and your credentials")
            continue
        root = Path(source.root)
        found = is_folder(root) or root == DEMO
        remedy = f"corpus.root {str(root)!r} is not a folder; name the folder that holds the recordings"
        yield Finding("corpus", str(root) if found else "missing", "" if found else remedy)
    place = ARTIFACTS if os.path.lexists(ARTIFACTS) else Path()
    yield _tried("artifacts", _written, place, remedy="make it a folder that this user can write")


def _listed(url: str) -> str:
    system, name = remote.opened(url)
    return f"{url} ({len(system.ls(name))} entries)"


def _dvc_cache() -> str:
    words = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(words, capture_output=True, check=False, timeout=TIMEOUT_S)
    if done.returncode:
        raise UserError(f"`dvc cache dir` fails ({programs.last_line(done.stderr)})")
    return _written(Path(os.fsdecode(done.stdout).removesuffix("\n")))


def _written(folder: Path) -> str:
    """Return a folder, after a file was written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
    return str(folder)


def _machine() -> Iterator[Finding]:
    yield _tried("temporary folder", _temporary_folder, remedy="name a short one that this user can write in TMPDIR")
    yield _tried("cache", _cache, remedy="name a folder that this user can write in XDG_CACHE_HOME")
    compiled = ["pipeline.silence.compiled"]  # its import fails if Numba can't keep what it compiles
    remedy = "name a folder that this user can write in NUMBA_CACHE_DIR"
    yield _tried("Numba's cache", _imported, compiled, "usable", remedy=remedy)
    threads = "missing: workers are threads, and a recording that crashes one ends the run; mount /dev/shm"
    yield Finding("shared memory", "usable" if cluster.has_semaphores() else threads)
    yield _tried("workers", _workers)
    if hasattr(os, "sysconf"):
        yield Finding("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB")
    free_gib = shutil.disk_usage(Path.cwd()).free / 2**30
    remedy = f"make room: at least {LEAST_FREE_GIB:g} GiB are needed"
    yield Finding("disk", f"{free_gib:.1f} GiB free here", remedy if free_gib < LEAST_FREE_GIB else "")


def _temporary_folder() -> str:
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) > environment.SOCKET_FOLDER_BYTES:
        raise UserError(f"the name {folder} is too long for the sockets of workers")
    return _written(Path(folder))


def _cache() -> str:
    cache = Cache()
    _written(cache.folder)
    return f"{cache.folder}, {cache.size() / 1e9:.1f} of at most {LIMIT_BYTES / 1e9:.0f} GB; safe to delete"


def _workers() -> str:
    import dask.config
    import distributed  # noqa: F401 (its import sets the values that are changed here)

    with dask.config.set({"distributed.comm.timeouts.connect": CONNECT_S}), cluster.connect(wait_s=TIMEOUT_S) as client:
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        client.submit(os.getpid, pure=False).result(timeout=TIMEOUT_S)
        return f"{workers} on {client.scheduler.address}" if client.cluster is None else f"{workers} local"


SECTIONS: dict[str, Callable[[], Iterator[Finding]]] = {
    "programs": _programs,
    "packages": _packages,
    "project": _project,
    "machine": _machine,
}
