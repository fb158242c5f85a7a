"""The folder of an export: written whole or not at all, continued after a stop, compared again with the run."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import checksums, files
from pipeline.console import terminal
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.exchange import NOTE, AudioFormat, Name, cards, cutting, model_card, utterances
from pipeline.exchange.formats import FORMATS
from pipeline.exchange.note import Note, foreign, sweep

THREADS, OF_PACKS = 4, 2  # libsndfile works without the interpreter's lock; each holds a whole pack in memory
DIGITS, BEFORE = 12, "before"  # names of folders beside an export in which it is written
AGAIN = "export again with --force"
SEALED = ("ingest", "trim", "splits", "manifests")
OF_MODEL = ("streaming", "evaluation", "audit")


def reads(name: Name) -> str:
    """Return what the tool reads, as Format does; a model refers to no audio."""
    return "parts" if name == "model" else FORMATS[name].reads


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
    audio: AudioFormat
    artifacts: Path = Path("artifacts")

    def __post_init__(self) -> None:
        if self.audio == "containers" and reads(self.name) != "parts":
            raise ArgumentError(f"{self.name} can't refer to parts of a file; choose --audio wav or flac")

    @property
    def _absolute(self) -> Path:
        return Path(os.path.realpath(self.out))

    def write(self, force: bool = False) -> bool:
        """Write it, or continue where an earlier call ended; return False if it is complete already.

        Parameters
        ----------
        force
            Write it again if it is complete, and replace another export.

        Raises
        ------
        ArgumentError
            If something else is in its place: files that no export wrote, or another export without `force`.
        """
        if self.out.is_symlink():
            raise ArgumentError(f"{self.out} is a link; name another folder")
        out = self._absolute
        work = out.parent / f".{out.name}.export"
        try:
            if work.exists():  # of an earlier call, which may have ended between two renames
                with _alone(work, self.out):
                    _recover(work, out)
            items = self._needed(force)
            if items is None:
                return False
            work.mkdir(parents=True, exist_ok=True)
            with _alone(work, self.out):
                self._put(items, work, out, force)
        except OSError as error:
            raise ArgumentError(f"{self.out} can't be written ({error.strerror}); name another folder") from error
        return True

    def _needed(self, force: bool) -> list[cutting.File] | None:
        """Return the files to write; None if they are there. ArgumentError if the place is taken."""
        note, found = self._note(), self._replaceable()
        if found is not None and not force:
            if note.same(found):
                for name in found.files:
                    if not (self.out / name).is_file():
                        raise ArgumentError(f"{self.out / name} is missing; write the export again with --force")
                return None
            if note.same(found, "place"):
                raise ArgumentError(
                    f"{self.out} names files by the folder in which they were when it was written, which is another "
                    "now; write it again with --force"
                )
            raise ArgumentError(
                f"{self.out} holds another export ({found.format}, {found.audio}, or of another run); name another "
                "folder, or replace it with --force"
            )
        return list(self._files())

    def _replaceable(self) -> Note | None:
        """Return the note of the export that is there; ArgumentError if anything in the folder is not of it."""
        found = Note.read(self.out)
        if self.out.exists() and not self.out.is_dir():
            raise ArgumentError(f"{self.out} is no folder; name another folder")
        if (strange := foreign(self.out, found.files if found else ())) is not None:
            raise ArgumentError(
                f"{self.out} holds {strange}, which no export has written; move it away, or name another folder"
            )
        return found

    def _put(self, items: Sequence[cutting.File], work: Path, out: Path, force: bool) -> None:
        """Write the files into a folder of their own, which then takes the place of `out`."""
        note = self._note(name for name, _ in items)
        digest = _digest(note.model_dump_json())[:DIGITS]
        partial, before = work / digest, work / BEFORE  # the first is the same as before a stop
        partial.mkdir(exist_ok=True)
        sweep(partial)
        _fill(partial, items, OF_PACKS if reads(self.name) == "packs" else THREADS)
        files.replace(partial / NOTE, f"{note.model_dump_json(indent=2)}\n".encode())
        if self._replaceable() is not None and not force:  # minutes have passed
            raise ArgumentError(f"another process has written {self.out}; see what it is")
        if out.exists():
            out.rename(before)
        try:
            partial.rename(out)
        finally:
            _recover(work, out)
        for path in work.iterdir():  # what other exports to this place have begun
            if re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}", path.name) and not path.is_symlink():
                shutil.rmtree(path)

    def verify(self) -> int:
        """Compute every file again and compare; return their number. ArtifactError names the first that differs."""
        items, note = list(self._files()), Note.read(self.out)
        strange = foreign(self.out, {name for name, _ in items} | {*(note.files if note else ())})
        if strange is not None:
            raise ArtifactError(f"{self.out / strange} belongs to no export; move it away")
        for name, content in items:
            try:
                found = (self.out / name).read_bytes()
            except OSError as error:
                raise ArtifactError(f"{self.out / name} can't be read ({error.strerror}); {AGAIN}") from error
            wanted = content if isinstance(content, bytes) else content()
            if found != wanted:
                pairs = zip(found.split(b"\n"), wanted.split(b"\n"), strict=False)
                line = next((line for line, (one, other) in enumerate(pairs, 1) if one != other), 0)
                raise ArtifactError(f"{self.out / name} is not what the run gives, from line {line} on; {AGAIN}")
        return len(items)

    def _files(self) -> cutting.Files:
        rows, out = utterances.read(self.artifacts), self._absolute
        if not rows:
            raise ArtifactError(f"{self.artifacts / 'splits'} lists no recordings; run `dvc repro`")
        if wrong := [str(folder) for folder in (out, rows[0].file.parent) if not str(folder).isprintable()]:
            raise ArgumentError(f"{wrong[0]!r} has characters that don't print; name or use another folder")
        if self.name == "model":
            yield from model_card.files(rows, self.artifacts)
            return
        how = FORMATS[self.name]
        if self.audio == "containers":  # nothing else would read them
            with ThreadPoolExecutor(THREADS) as threads:
                list(threads.map(cutting.check, rows))
        elif how.reads != "packs":
            rows, cut = cutting.cut(rows, out, self.audio)
            yield from cut
        yield from how.write(rows, out, self.audio)
        yield from cards.files(rows, how, self.audio)

    def _note(self, names: Iterable[str] = ()) -> Note:
        sealed = SEALED + OF_MODEL * (self.name == "model")
        run = "".join(checksums.version(self.artifacts / name) for name in sealed)
        how, place = FORMATS.get(self.name), ""
        if how and self.audio == "containers":
            place = _digest(str(self.artifacts.absolute()))
        elif how and how.absolute:
            place = _digest(str(self._absolute))
        return Note(format=self.name, audio=self.audio, run=_digest(run), place=place, files=tuple(sorted(names)))


def opened(out: Path, artifacts: Path = Path("artifacts")) -> Export | None:
    """Return the export in a folder, to be compared with a run; None if there is none."""
    note = Note.read(out)
    return Export(note.format, out, note.audio, artifacts) if note else None


def _fill(folder: Path, items: Sequence[cutting.File], n_threads: int) -> None:
    def put(item: cutting.File) -> None:
        name, content = item
        if isinstance(content, bytes):
            files.replace(folder / name, content)
        elif not (folder / name).exists():  # a file that is there is complete
            files.replace(folder / name, content())

    progress = terminal.Progress("export", len(items), "files")
    with ThreadPoolExecutor(n_threads) as threads:
        for _ in threads.map(put, items):
            progress.update(1)


@contextmanager
def _alone(work: Path, out: Path) -> Iterator[None]:
    """Lock the folder beside an export in which it is written, and remove it afterwards if it is empty."""
    if work.is_symlink():
        raise ArgumentError(f"{work} is a link; remove it")
    try:
        lock = files.locked(work)
    except BlockingIOError as error:
        raise ArgumentError(f"another process is writing {out}; wait for it") from error
    try:
        yield
    finally:
        with suppress(OSError):
            work.rmdir()
        os.close(lock)


def _recover(work: Path, out: Path) -> None:
    """Put back what was in `out` if nothing has taken its place; otherwise remove it."""
    before = work / BEFORE
    if before.is_dir() and not out.exists():
        before.rename(out)
    elif before.is_dir():
        shutil.rmtree(before)


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()
