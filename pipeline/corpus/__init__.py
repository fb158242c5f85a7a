"""What a corpus is, whatever its layout: recordings with a language and a speaker, found below one folder."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import params
from pipeline.errors import CorpusError
from pipeline.tables import Recording, Rejected

MIN_SPEAKERS = 3  # a language: one each to train, validate and test on


@dataclass(frozen=True)
class Entry:
    """A recording that a corpus lists: not opened yet."""

    path: str  # relative to the corpus, with forward slashes
    language: str
    speaker: str
    group: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """A name made from the path alone: safe as a file name, and the same whatever else the corpus holds."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(self.path).stem).strip("-")[:60]
        return f"{stem or 'recording'}-{hashlib.sha256(self.path.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Listing:
    """What a layout found.

    ``rejected`` are recordings that can't be used; ``left_out`` is what is no audio or not of `corpus.languages`, as
    the name of a folder or language, or the ending of the files, and their number.
    """

    entries: list[Entry]
    rejected: list[Rejected]
    left_out: dict[str, int]


def read(corpus: params.Corpus) -> Listing:
    """List the recordings of a corpus in its layout, sorted by path.

    Raises
    ------
    CorpusError
        Where the folder, its table or its speakers can't be found.
    """
    from pipeline.corpus import folders, table

    root = Path(corpus.root)
    if not root.is_dir():
        raise CorpusError(f"corpus.root {corpus.root!r} is not a folder; name the folder that holds the recordings")
    listing = folders.read(root, corpus) if corpus.layout == "folders" else table.read(root, corpus)
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def check(entries: Sequence[Entry | Recording], rejected: Sequence[Rejected], corpus: params.Corpus) -> None:
    """Refuse a corpus that can't be split by speaker: nothing could be trained on it.

    Raises
    ------
    CorpusError
        Naming the language that lacks recordings or speakers.
    """
    if not entries and rejected:
        raise CorpusError(
            f"none of the {len(rejected)} recordings in corpus.root {corpus.root!r} can be used; the first, "
            f"{rejected[0].path!r}, {rejected[0].detail}"
        )
    if not entries:
        raise CorpusError(
            f"no recordings in corpus.root {corpus.root!r} with corpus.layout {corpus.layout!r}; see README"
        )
    recordings = Counter(entry.language for entry in entries)
    speakers = Counter(language for language, _ in {(entry.language, entry.speaker) for entry in entries})
    for language in corpus.languages:
        if not recordings[language]:
            raise CorpusError(
                f"corpus.languages names {language!r}, which has no recordings in {corpus.root!r}; "
                "remove it or add its recordings"
            )
        if speakers[language] < MIN_SPEAKERS:
            raise CorpusError(
                f"{language!r} has {speakers[language]} speaker(s) in {corpus.root!r} and needs {MIN_SPEAKERS}, "
                "one each to train, validate and test on; add recordings of others"
            )


def inside(root: Path, path: Path) -> bool:
    """Whether a path stays below a folder, links followed."""
    return path.resolve().is_relative_to(root.resolve())
