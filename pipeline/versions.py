"""Versions of the packages that affect the artifacts: an upgrade re-runs the affected stages."""

import importlib.metadata
from collections.abc import Iterable

OPTIONAL = frozenset({"av"})  # may be missing: without it, some files are rejected
MISSING = "none"  # version of a package that is not installed


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each package.

    >>> installed(["numpy", "no-such-package"])["no-such-package"]
    'none'
    """
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return MISSING
