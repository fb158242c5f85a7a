"""The folder of an export: written whole or not at all, continued after a stop, compared again with the run."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import checksums, files
from pipeline.console import terminal
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.exchange import cards, cutting, model_card, utterances
from pipeline.exchange.formats import FORMATS, Name

NOTE = "export.json"  # of a complete export: what it is of
SCHEMA = 1
THREADS = 4  # libsndfile works without the interpreter's lock; each holds up to a whole tar file in memory
SEALED = ("ingest", "trim", "splits", "manifests")
OF_MODEL = ("streaming", "evaluation", "audit")


@dataclass(frozen=True)
class Export:
    """An export of a finished run.

    Attributes
    ----------
    out
        Its folder.
    audio
        Where the samples are: in the containers of ingest, or in files of their own.
    artifacts
        The folder that the stages write.
    """

    name: Name
    out: Path
    audio: cutting.AudioFormat
    artifacts: Path = Path("artifacts")

    def write(self, force: bool = False) -> bool:
        """Write it, or continue where an earlier call ended; return False if it is complete already.

        Raises
        ------
        ArgumentError
            If something else is in its place: files that no export wrote, or another export, which `force` replaces.
        """
        note, found = self._note(), _note_of(self.out)
        if found == note:
            return False
        if self.out.is_symlink() or (self.out.exists() and found is None and not _is_empty(self.out)):
            raise ArgumentError(f"{self.out} holds what no export has written; name another folder")
        if found is not None and not force:
            raise ArgumentError(
                f"{self.out} holds another export ({found['format']}, {found['audio']}, or of another run); name "
                "another folder, or replace it with --force"
            )
        items = list(self._files())
        digest = hashlib.sha256(json.dumps(note).encode()).hexdigest()[:12]
        partial = self.out.with_name(f".{self.out.name}.{digest}.partial")  # the same as before a stop
        partial.mkdir(parents=True, exist_ok=True)
        try:
            lock = files.locked(partial)
        except BlockingIOError as error:
            raise ArgumentError(f"another process is writing {self.out}; wait for it") from error
        try:
            _fill(partial, items)
            checksums.write_json(partial / NOTE, note)
            if self.out.exists():
                self.out.rename(partial.with_suffix(".before"))
            partial.rename(self.out)
            for path in self.out.parent.iterdir():  # what was there, and what other exports have begun
                if re.fullmatch(rf"\.{re.escape(self.out.name)}\.[0-9a-f]{{12}}\.(partial|before)", path.name):
                    shutil.rmtree(path)
        finally:
            os.close(lock)
        return True

    def verify(self) -> int:
        """Compute every file again and compare; return their number. ArtifactError names the first that differs."""
        items = list(self._files())
        for name, content in items:
            try:
                found = (self.out / name).read_bytes()
            except OSError as error:
                raise ArtifactError(f"{self.out / name} can't be read ({error.strerror}); export again") from error
            wanted = content if isinstance(content, bytes) else content()
            if found != wanted:
                pairs = zip(found.split(b"\n"), wanted.split(b"\n"), strict=False)
                line = next((line for line, (one, other) in enumerate(pairs, 1) if one != other), 0)
                raise ArtifactError(f"{self.out / name} is not what the run gives, from line {line} on; export again")
        return len(items)

    def _files(self) -> cutting.Files:
        rows, out = utterances.read(self.artifacts), self.out.absolute()
        if not rows:
            raise ArtifactError(f"{self.artifacts / 'splits'} lists no recordings; run `dvc repro`")
        if not f"{out}{rows[0].file}".isprintable():
            raise ArgumentError(f"{str(out)!r} has characters that don't print; name another folder")
        if self.name == "model":
            yield from model_card.files(rows, self.artifacts)
            return
        how = FORMATS[self.name]
        placed = rows
        if self.audio != "containers" and how.reads != "packs":
            placed, cut = cutting.cut(rows, out, self.audio)
            yield from cut
        yield from how.write(placed, out, self.audio)
        yield from cards.files(rows, how, self.audio)

    def _note(self) -> dict[str, Any]:
        names = SEALED + OF_MODEL * (self.name == "model")
        run = "".join(checksums.version(self.artifacts / name) for name in names)
        return {
            "schema": SCHEMA, "format": self.name, "audio": self.audio, "run": hashlib.sha256(run.encode()).hexdigest(),
            "artifacts": str(self.artifacts.absolute()), "folder": str(self.out.absolute()),
        }  # fmt: skip


def _fill(folder: Path, items: Sequence[cutting.File]) -> None:
    def put(item: cutting.File) -> None:
        name, content = item
        if isinstance(content, bytes):
            files.replace(folder / name, content)
        elif not (folder / name).exists():  # a file that is there is complete
            files.replace(folder / name, content())

    progress = terminal.Progress("export", len(items), "files")
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(put, items):
            progress.update(1)


def opened(out: Path) -> Export | None:
    """Return the export in a folder; None if there is none."""
    note = _note_of(out)
    return Export(note["format"], out, note["audio"], Path(note["artifacts"])) if note else None


def _note_of(out: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((out / NOTE).read_bytes())
    except (OSError, ValueError):
        return None
    return note if set(note) >= {"format", "audio", "artifacts"} else None


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
