"""The folders layout: one folder per language, whose name contains that of the language, such as train_english/.

Names are compared word by word: train_english holds the words train and english.
"""

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline import params
from pipeline.corpus import speakers
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import Files, escaped, is_folder, quoted, require_printable
from pipeline.errors import AudioError, CorpusError
from pipeline.tables import RejectedRow

AUDIO_ENDINGS = frozenset(
    ".aac .aif .aifc .aiff .au .caf .flac .m4a .mp3 .oga .ogg .opus .rf64 .snd .sph .w64 .wav .wma".split()  # noqa: SIM905
)
"""Files with these endings are treated as audio: one that libsndfile can't read is rejected, not skipped."""


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the audio files in every language's folders with their speakers."""
    speaker_of = speakers.lookup(root, corpus)
    folders, others = _top(root)
    languages = _languages(folders, corpus)
    table = posixpath.normpath(corpus.speaker_table or ".")
    skipped = Counter(_kind(name) for name in others if name != table)
    entries, rejected = [], []
    files = Files(root)
    for folder in folders:
        # A link to / would list the whole machine.
        found = _walk(root, folder) if files.holds(folder) else iter([(folder, None)])
        if folder not in languages:
            skipped[escaped(folder)] += sum(1 for _ in found)
            continue
        for path, error in found:
            if error is None and _ending(path) not in AUDIO_ENDINGS and not is_folder(root / path):
                skipped[_kind(path)] += 1
                continue
            try:
                if error:
                    detail = f"is a folder that can't be listed ({error.strerror}); make it readable"
                    raise AudioError("missing", detail, Path(path)) from error
                entries.append(_entry(path, languages[folder], speaker_of(path), files))
            except AudioError as fault:
                rejected.append(RejectedRow(escaped(path), fault.reason, fault.detail))
    named = {escaped(folder): language for folder, language in languages.items()}
    return Listing(entries, rejected, dict(+skipped), named)


def _top(root: Path) -> tuple[list[str], list[str]]:
    """Names of all folders and links to folders directly in the root, and of everything else there, both sorted."""
    try:
        names = sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise CorpusError(f"corpus.root {quoted(root)} can't be listed ({error.strerror}); make it readable") from error
    folders = [name for name in names if is_folder(root / name)]
    return folders, sorted(set(names) - set(folders))


def _walk(root: Path, top: str) -> Iterator[tuple[str, OSError | None]]:
    """Paths of all files below a folder, and folders that can't be listed with the error; links aren't followed."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                content = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
        except OSError as error:
            yield folder, error
            continue
        below = []
        for name, is_dir in content:
            path = f"{folder}/{name}"
            if is_dir and _ending(name) not in AUDIO_ENDINGS:
                below.append(path)
            else:
                yield path, None
        waiting += reversed(below)


def _ending(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _kind(path: str) -> str:
    """The name under which skipped files with this ending are counted."""
    return escaped(f"*{posixpath.splitext(path)[1]}")


def _entry(path: str, language: str, speaker: str | None, files: Files) -> Entry:
    """The recording at a path; AudioError if it can't be used."""
    stamp = files.stamp(path)
    speaker = " ".join((speaker or "").split())
    if not speaker:
        raise AudioError("no_speaker", "has no speaker in the speaker table or pattern; add one", Path(path))
    require_printable(path, speaker=speaker)
    return Entry(path, language, speaker, stamp=stamp)


def _languages(folders: Sequence[str], corpus: params.Corpus) -> dict[str, str]:
    """Language of each folder that names one.

    If a folder is named exactly like a language, folders that merely contain its name don't count.
    """
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
    """Languages whose words follow one another in a folder's name, without those that lie inside a longer language."""
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
    """Runs of letters and digits in lower case. Accents belong to their letters, in composed or decomposed Unicode."""
    characters = (
        character if character.isalnum() or unicodedata.category(character).startswith("M") else " "  # M: vowel signs
        for character in unicodedata.normalize("NFC", name)
    )
    return "".join(characters).casefold().split()
