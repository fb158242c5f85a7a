"""Versions of the packages that affect the artifacts: an upgrade re-runs the affected stages."""

import importlib.metadata
from collections.abc import Iterable
from contextlib import suppress

OPTIONAL = frozenset({"av"})  # may be missing: without it, some files are rejected
MISSING = "none"  # version of a package that is not installed


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each package.

    >>> installed(["numpy", "no-such-package"])["no-such-package"]
    'none'
    """
    found = dict.fromkeys(packages, MISSING)
    for package in found:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found
