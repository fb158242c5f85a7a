"""SHA256SUMS: checksums of the files of a stage, so that a damaged file is an error and never a wrong result.

A stage calls `seal` when all files of its folder are written; every reader goes through `read`. The command
`sha256sum --check` reads the file as well.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.errors import ArtifactError

SUMS = "SHA256SUMS"
REMEDY = "run `dvc repro` to write it again"


def seal(folder: Path) -> None:
    """Write the checksums of all files below a folder into the folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in _files(folder))
    lines = [f"{_digest((folder / name).read_bytes())}  {name}\n" for name in names]
    files.replace(folder / SUMS, "".join(lines).encode())


def version(folder: Path) -> str:
    """Return a digest of a sealed folder, which differs if one of its files does."""
    return _digest(_content(folder / SUMS, REMEDY))


def read(path: Path, remedy: str = REMEDY, sealed: bool = True) -> bytes:
    """Return the content of a file that a stage wrote.

    Parameters
    ----------
    sealed
        False for a file that may be the user's own: a folder without SHA256SUMS is then read without a check.

    Raises
    ------
    ArtifactError
        If the file or its checksum is missing, or it differs from the one that was sealed.
    """
    content = _content(path, remedy)
    if (sealed or (path.parent / SUMS).exists()) and _sums(path.parent, remedy).get(path.name) != _digest(content):
        raise ArtifactError(f"{path} is not the file that {SUMS} next to it describes; {remedy}")
    return content


def read_json(path: Path) -> Any:
    """Read a file that a stage wrote, as `read` does, and parse it as JSON."""
    content = read(path)
    try:
        return json.loads(content)
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON ({error}); {REMEDY}") from error


def write_json(path: Path, tree: Any) -> None:
    """Write plain values as JSON; seal the folder afterwards."""
    files.replace(path, f"{json.dumps(tree, indent=2)}\n".encode())


def check(folder: Path, names: Iterable[str], remedy: str = REMEDY) -> None:
    """Compare files of a folder, or all files of folders in it, with its checksums, which must exist.

    Raises
    ------
    ArtifactError
        Naming the first file that is missing, altered or not listed.
    """
    sums = _sums(folder, remedy)
    for name in names:
        listed = {key for key in sums if key == name or key.startswith(f"{name}/")}
        found = {path.relative_to(folder).as_posix() for path in _files(folder / name)}
        for key in sorted(listed | found or {name}):
            if key not in found:
                raise ArtifactError(f"{folder / key} is missing; {remedy}")
            if _digest(_content(folder / key, remedy)) != sums.get(key):
                raise ArtifactError(f"{folder / key} is not the file that {SUMS} describes; {remedy}")


def _files(path: Path) -> list[Path]:
    found = path.rglob("*") if path.is_dir() else [path]
    return [file for file in found if file.is_file() and file.name != SUMS]


def _sums(folder: Path, remedy: str) -> dict[str, str]:
    """Return digests by name."""
    lines = _content(folder / SUMS, remedy).decode(errors="replace").split("\n")  # a damaged name has no digest
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _content(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}); {remedy}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
