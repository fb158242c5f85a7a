"""The archive of a bundle: one folder, checksums included, in the order of its names."""

import io
import re
import tempfile
import zipfile
from pathlib import Path

from pipeline import checksums, files
from pipeline.bundle import contents
from pipeline.errors import ArgumentError

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a ZIP: the same content gives the same bytes


def write(target: Path, project: Path) -> list[str]:
    """Write the results of a project as a ZIP.

    Parameters
    ----------
    target
        Name of the archive; its stem names the folder in it.
    project
        Folder of dvc.yaml.

    Returns
    -------
    list of str
        Files of the project that are not in it, because git does not track them.

    Raises
    ------
    ArgumentError
        If the target is not the name of a ZIP.
    ArtifactError
        If a result is missing or altered, or the model can't stream.
    ProgramError
        If no browser is installed, which prints the report.
    ProjectError
        If git does not list the files of the project.
    """
    if not re.fullmatch(r"\w[\w .-]*\.zip", target.name):
        raise ArgumentError(
            f"{str(target)!r} can't be the archive; name a .zip of letters, digits, spaces, -, _ and dots"
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / target.stem
        folder.mkdir()
        left_out = contents.collect(folder, project)
        checksums.seal(folder)
        files.replace(target, _zipped(folder))
    return left_out


def _zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), EPOCH)
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    return file.getvalue()
