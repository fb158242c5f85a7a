"""Check this machine for everything that the pipeline needs, with a remedy for what is missing."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline import params, programs
from pipeline.corpus.paths import is_folder
from pipeline.errors import ParameterError
from pipeline.jobs import memo

DEMO = Path("artifacts/data/demo")  # corpus.root that the stage demo fills
VERSION_FLAG = {"sox": "--version", "espeak-ng": "--version", "dot": "-V"}


@dataclass(frozen=True)
class Finding:
    """The state of one program, package or resource; `remedy` is empty if nothing is wrong with it."""

    subject: str
    found: str
    remedy: str = ""


def examine() -> dict[str, list[Finding]]:
    """Examine programs, packages, the project in the current folder, and the machine."""
    return {"programs": _programs(), "packages": _packages(), "project": _project(), "machine": _machine()}


def _programs() -> list[Finding]:
    findings = []
    for program, packages in programs.PACKAGES.items():
        path = shutil.which(program)
        if path is None:
            findings.append(Finding(program, "missing", f"install it: apt-get install {packages}"))
            continue
        shown = subprocess.run([path, VERSION_FLAG[program]], capture_output=True, text=True, check=False, timeout=10)
        version = re.search(r"\d+\.\d+[\w.]*", shown.stdout + shown.stderr)
        findings.append(Finding(program, version[0] if version else "unknown version"))
    return findings


def _packages() -> list[Finding]:
    findings = [Finding("python", platform.python_version())]
    for requirement in importlib.metadata.requires("lid-pipeline") or []:
        if re.search(r"extra == .(?!pipeline)", requirement):  # tools and optional packages
            continue
        name = re.split(r"[^\w.-]", requirement)[0]
        try:
            findings.append(Finding(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, "missing", "run `make repro`, or pip install -r requirements.lock"))
    return findings


def _project() -> list[Finding]:
    try:
        root = Path(params.load(Path("params.yaml")).corpus.root)
    except ParameterError as error:
        return [Finding("params.yaml", "can't be used", str(error))]
    if not is_folder(root) and root != DEMO:
        remedy = f"corpus.root {str(root)!r} is not a folder; name the folder that holds the recordings"
        return [Finding("params.yaml", "valid"), Finding("corpus", "missing", remedy)]
    return [Finding("params.yaml", "valid"), Finding("corpus", str(root))]


def _machine() -> list[Finding]:
    import dask.config
    from dask.system import CPU_COUNT

    cache = memo.default()
    address = dask.config.get("scheduler-address", None)
    limit_gb = memo.LIMIT_BYTES / 1e9
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    free_gib = shutil.disk_usage(Path.cwd()).free / 2**30
    return [
        Finding("dask", f"cluster {address}" if address else f"{CPU_COUNT} local workers"),
        Finding("memo", f"{cache.folder}, {cache.size() / 1e9:.1f} of at most {limit_gb:.0f} GB; safe to delete"),
        Finding("memory", f"{memory_gib:.1f} GiB"),
        Finding("disk", f"{free_gib:.1f} GiB free here"),
    ]
