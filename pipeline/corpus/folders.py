"""The homework's layout: one folder per language whose name contains the language's, e.g. train_english/.

Names are compared word by word: train_english holds the words train and english. Who speaks is in a table beside the
folders (`corpus.speaker_table`: columns path, speaker) or in the file names (`corpus.speaker_pattern`: a regular
expression with a group (?P<speaker>...), searched in the relative path).
"""

import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline import params
from pipeline.corpus import spreadsheet
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.files import Files, is_folder, printable, quoted, require_printable
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import RejectedRow

AUDIO = frozenset(
    ".aac .aif .aifc .aiff .au .caf .flac .m4a .mp3 .oga .ogg .opus .rf64 .snd .sph .w64 .wav .wma".split()  # noqa: SIM905
)
"""Endings of what is meant as audio; what libsndfile can't read of it is rejected by name, not passed over."""

Speakers = Callable[[str], str | None]  # of a path


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the audio files of every language folder with their speakers."""
    speakers = _speakers(root, corpus)
    tops, others = _top(root)
    languages = _languages(tops, corpus)
    table = posixpath.normpath(corpus.speaker_table or ".")
    left_out = Counter(_kind(name) for name in others if name != table)
    entries, rejected = [], []
    files = Files(root)
    for top in tops:
        # A link to / would list the whole machine.
        found = _walk(root, top) if files.holds(top) else iter([(top, None)])
        if top not in languages:
            left_out[printable(top)] += sum(1 for _ in found)
            continue
        for path, error in found:
            if error is None and _ending(path) not in AUDIO and not is_folder(root / path):
                left_out[_kind(path)] += 1
                continue
            try:
                if error:
                    raise AudioError(
                        "missing", f"is a folder that can't be listed ({error.strerror}); make it readable"
                    )
                entries.append(_entry(path, languages[top], speakers(path), files))
            except AudioError as fault:
                rejected.append(RejectedRow(printable(path), fault.reason, str(fault)))
    named = {printable(top): language for top, language in languages.items()}
    return Listing(entries, rejected, dict(+left_out), named)


def _top(root: Path) -> tuple[list[str], list[str]]:
    """Folders, or links to them, and all else that lies directly in the root, by name."""
    try:
        names = sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise CorpusError(f"corpus.root {quoted(root)} can't be listed ({error.strerror}); make it readable") from None
    tops = [name for name in names if is_folder(root / name)]
    return tops, sorted(set(names) - set(tops))


def _walk(root: Path, top: str) -> Iterator[tuple[str, OSError | None]]:
    """Everything below a folder that is no folder, and the folders that can't be listed; links aren't followed."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
        except OSError as error:
            yield folder, error
            continue
        below = []
        for name, is_dir in names:
            path = f"{folder}/{name}"
            if is_dir and _ending(name) not in AUDIO:
                below.append(path)
            else:
                yield path, None
        waiting += reversed(below)


def _ending(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _kind(path: str) -> str:
    """The name under which files with this ending are counted."""
    return printable(f"*{posixpath.splitext(path)[1]}")


def _entry(path: str, language: str, speaker: str | None, files: Files) -> Entry:
    """The recording at a path; AudioError if it can't be used."""
    stamp = files.stamp(path)
    speaker = " ".join((speaker or "").split())
    if not speaker:
        raise AudioError("no_speaker", "has no speaker in the speaker table or pattern; add one")
    require_printable(speaker=speaker)
    return Entry(path, language, speaker, stamp=stamp)


def _languages(folders: Sequence[str], corpus: params.Corpus) -> dict[str, str]:
    """The language of every folder that names one. If one is named exactly like it, others that contain it do not."""
    languages = {language: _words(language) for language in corpus.languages}
    words = {folder: _words(folder) for folder in folders}
    exact = {language for language in languages if languages[language] in words.values()}
    named = {}
    for folder in folders:
        found = _named(words[folder], languages)
        if found & exact and all(languages[language] != words[folder] for language in found):
            continue
        if len(found) > 1:
            names = " and ".join(language for language in languages if language in found)
            raise CorpusError(
                f"the folder {quoted(folder)} in {quoted(corpus.root)} names {names}; name one language per folder"
            )
        if found:
            named[folder] = found.pop()
    return named


def _named(folder: Sequence[str], languages: Mapping[str, Sequence[str]]) -> set[str]:
    """Languages whose words follow one another in a folder's name, but not as a part of a longer language's."""
    spans = [
        (start, start + len(words), language)
        for language, words in languages.items()
        for start in range(len(folder))
        if words and folder[start : start + len(words)] == words
    ]
    return {
        language
        for start, end, language in spans
        if not any(first <= start and end <= last and last - first > end - start for first, last, _ in spans)
    }


def _words(name: str) -> list[str]:
    """Runs of letters and digits, whatever their case; an accent belongs to its letter, as macOS writes it or not."""
    kept = (
        letter if letter.isalnum() or unicodedata.category(letter).startswith("M") else " "  # M: Indic vowel signs too
        for letter in unicodedata.normalize("NFC", name)
    )
    return "".join(kept).casefold().split()


def _speakers(root: Path, corpus: params.Corpus) -> Speakers:
    if corpus.speaker_pattern is not None:
        pattern = re.compile(corpus.speaker_pattern)

        def find(path: str) -> str | None:
            found = pattern.search(path)
            return found["speaker"] if found else None

        return find
    if corpus.speaker_table is None:
        raise CorpusError("the folders layout needs corpus.speaker_table or corpus.speaker_pattern; set one of them")
    return _table(root / corpus.speaker_table).get


def _table(table: Path) -> dict[str, str]:
    """Speakers by path, from a table."""
    name = f"the speaker table {quoted(table)} (corpus.speaker_table)"
    remedy = "write one with the columns path, speaker, or set corpus.speaker_pattern"
    said: dict[str, tuple[str, int]] = {}
    for line, row in spreadsheet.scan(table, ("path", "speaker"), name, remedy):
        path, speaker = posixpath.normpath(row["path"]), " ".join(row["speaker"].split())
        before, first = said.setdefault(path, (speaker, line))
        if speaker != before:
            raise CorpusError(
                f"{name} says that {quoted(path)} is spoken by {quoted(before)} (line {first}) and by "
                f"{quoted(speaker)} (line {line}); remove the wrong line"
            )
    return {path: speaker for path, (speaker, _) in said.items()}
