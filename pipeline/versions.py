"""Versions of the packages that decide the bytes of artifacts: an upgrade re-runs the stages that it touches."""

import importlib.metadata
from collections.abc import Iterable

PACKAGES = (
    "ai-edge-litert",
    "jinja2",
    "keras",
    "librosa",
    "matplotlib",
    "numcodecs",
    "numpy",
    "onnx",
    "scipy",
    "soundfile",
    "sox",
    "soxr",
    "tensorflow",
    "tf2onnx",
    "vl-convert-python",
    "zarr",
    "zarrs",
)
"""Those that dvc.yaml names for a stage; what a Dask job needs of them is declared with the job."""

MISSING = "none"  # version of a package that is not installed


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package.

    >>> installed(["numpy", "no-such-package"])["no-such-package"]
    'none'
    """
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return MISSING
