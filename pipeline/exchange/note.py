"""export.json: what a complete export is of and which files belong to it, without a path of the machine."""

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from pipeline.errors import ArtifactError
from pipeline.exchange import NOTE, AudioFormat, Name
from pipeline.params import Section

STRAY = re.compile(r"\.[0-9a-f]{32}\.partial")  # of a write that was killed, as files.replacing names it


class Note(Section):
    """The content of export.json.

    Attributes
    ----------
    run
        Digest of what the stages wrote.
    place
        Digest of the folder that the files name by its absolute path; empty if they name none.
    files
        All other files of the export.
    """

    schema_version: Literal[2] = 2
    format: Name
    audio: AudioFormat
    run: str
    place: str
    files: tuple[str, ...]

    def same(self, other: "Note | None", *but: str) -> bool:
        """Return True if the other is of the same export; the names of files follow from the rest."""
        ignored = {"files", *but}
        return other is not None and self.model_dump(exclude=ignored) == other.model_dump(exclude=ignored)

    @classmethod
    def read(cls, folder: Path) -> "Note | None":
        """Read that of a folder; None if it has none, ArtifactError if no export of this version has written it."""
        path = folder / NOTE
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ArtifactError(f"{path} is no file that `lid export` writes; name another folder")
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArtifactError(f"{path} can't be read ({error.strerror}); name another folder") from error
        except ValidationError as error:
            raise ArtifactError(
                f"{path} is not as `lid export` of this version writes it; name another folder"
            ) from error


def foreign(folder: Path, names: Collection[str]) -> str | None:
    """Return what lies in a folder and is neither one of these files nor a folder of them; links never are."""
    wanted = {NOTE, *names}
    above = {parent.as_posix() for name in wanted for parent in Path(name).parents}
    for root, folders, found in os.walk(folder):
        for name in sorted(folders + found):
            path = Path(root, name)
            inside, mode = path.relative_to(folder).as_posix(), path.lstat().st_mode
            if not (inside in above if stat.S_ISDIR(mode) else stat.S_ISREG(mode) and inside in wanted):
                return inside
    return None


def sweep(folder: Path) -> None:
    """Remove what writes that were killed have left in a folder."""
    for path in folder.rglob(".*.partial"):
        if STRAY.fullmatch(path.name):
            path.unlink()
