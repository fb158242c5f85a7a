"""The homework's layout: one folder per language whose name contains the language's, e.g. train_english/.

Who speaks is in a table beside the folders (`corpus.speaker_table`: columns path, speaker) or in the file names
(`corpus.speaker_pattern`: a regular expression with a group (?P<speaker>...), searched in the relative path).
"""

import csv
import re
from collections import Counter
from pathlib import Path

from pipeline import params
from pipeline.corpus import Entry, Listing, inside
from pipeline.errors import CorpusError
from pipeline.tables import Rejected

AUDIO = frozenset(
    ".aac .aif .aifc .aiff .au .caf .flac .m4a .mp3 .oga .ogg .opus .rf64 .snd .sph .w64 .wav .wma".split()  # noqa: SIM905
)
"""Endings of what is meant as audio; what libsndfile can't read of it is rejected by name, not passed over."""


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the audio files of every language folder with their speakers."""
    speakers = _speakers(root, corpus)
    languages = {folder.name: _language(folder.name, corpus) for folder in sorted(root.iterdir()) if folder.is_dir()}
    entries, rejected, left_out = [], [], Counter[str]()
    for file in sorted(file for top in root.iterdir() for file in (top.rglob("*") if top.is_dir() else [top])):
        if file.is_dir() or file.name == corpus.speaker_table:
            continue
        path = file.relative_to(root).as_posix()
        folder = path.split("/")[0]
        language = languages.get(folder)
        if language is None or file.suffix.lower() not in AUDIO:
            left_out[folder if folder in languages and language is None else f"*{file.suffix}"] += 1
        elif not path.isprintable():
            rejected.append(Rejected(ascii(path), "name", "has a name that can't be printed; rename it"))
        elif not inside(root, file):
            rejected.append(Rejected(path, "outside", "is a link that leads out of corpus.root; copy the file in"))
        elif (speaker := speakers(path)) is None:
            rejected.append(Rejected(path, "no_speaker", "has no speaker in the speaker table or pattern; add one"))
        else:
            entries.append(Entry(path, language, speaker))
    return Listing(entries, rejected, dict(left_out))


def _language(folder: str, corpus: params.Corpus) -> str | None:
    named = [language for language in corpus.languages if language.lower() in folder.lower()]
    if len(named) > 1:
        raise CorpusError(
            f"the folder {folder!r} in {corpus.root!r} names {' and '.join(named)}; name one language a folder"
        )
    return named[0] if named else None


class _Table:
    """Speakers by path, from a table."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
            self.speakers = {row["path"]: row["speaker"].strip() for row in rows}
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CorpusError(
                f"the speaker table {str(path)!r} (corpus.speaker_table) can't be read ({error}); "
                "write one with the columns path, speaker, or set corpus.speaker_pattern"
            ) from None
        except (KeyError, AttributeError):
            raise CorpusError(
                f"the speaker table {str(path)!r} needs the columns path and speaker in every row"
            ) from None

    def __call__(self, path: str) -> str | None:
        return self.speakers.get(path) or None


class _Pattern:
    """Speakers from file names."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def __call__(self, path: str) -> str | None:
        found = self.pattern.search(path)
        return found["speaker"] or None if found else None


def _speakers(root: Path, corpus: params.Corpus) -> _Table | _Pattern:
    if corpus.speaker_pattern is not None:
        return _Pattern(corpus.speaker_pattern)
    if corpus.speaker_table is None:
        raise CorpusError("the folders layout needs corpus.speaker_table or corpus.speaker_pattern; set one of them")
    return _Table(root / corpus.speaker_table)
