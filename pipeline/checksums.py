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


def read(path: Path, remedy: str = REMEDY) -> bytes:
    """The content of a file that a stage wrote.

    A folder without SHA256SUMS was not written by a stage: its files are read without a check.

    Raises
    ------
    ArtifactError
        If the file is missing, or differs from the one that was sealed.
    """
    try:
        content = path.read_bytes()
        sums = _sums(path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} can't be read ({_reason(error)}); {remedy}") from error
    if sums is not None and sums.get(path.name) != _digest(content):
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
    try:
        sums = _sums(folder)
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{folder / SUMS} can't be read ({_reason(error)}); {remedy}") from error
    if sums is None:
        raise ArtifactError(f"{folder / SUMS} is missing; {remedy}")
    for name in names:
        listed = {key for key in sums if key == name or key.startswith(f"{name}/")}
        found = {path.relative_to(folder).as_posix() for path in _files(folder / name)}
        for key in sorted(listed | found | (set() if listed else {name})):
            if key not in found:
                raise ArtifactError(f"{folder / key} is missing; {remedy}")
            try:
                content = (folder / key).read_bytes()
            except OSError as error:
                raise ArtifactError(f"{folder / key} can't be read ({error.strerror}); {remedy}") from error
            if _digest(content) != sums.get(key):
                raise ArtifactError(f"{folder / key} is not the file that {SUMS} describes; {remedy}")


def _files(path: Path) -> list[Path]:
    found = path.rglob("*") if path.is_dir() else [path]
    return [file for file in found if file.is_file() and file.name != SUMS]


def _sums(folder: Path) -> dict[str, str] | None:
    """Digests by name; None if the folder has none."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return None
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
