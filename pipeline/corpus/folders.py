"""The folders layout: one folder per language, whose name contains that of the language, such as train_english/.

Names are compared word by word: train_english holds the words train and english.
"""

import posixpath
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import names, params
from pipeline.audio.endings import is_audio
from pipeline.corpus import speakers
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import (
    escaped,
    folders_of,
    is_folder,
    is_of_system,
    kind,
    names_in,
    quoted,
    recordings,
    walk,
)
from pipeline.errors import CorpusError


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    for folder in folders_of(root):
        if any(is_audio(name) or is_folder(root / folder / name) for name in names_in(root / folder)):
            return f"it holds folders, such as {escaped(folder)}/"
    return None


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the audio files in every language's folders with their speakers."""
    collector = Collector(root, corpus)
    speaker_of = speakers.lookup(corpus, collector)
    folders, others = _top(root)
    languages = _languages(folders, corpus, collector)
    table = collector.files.find(posixpath.normpath(corpus.speaker_table or "."))
    collector.skipped.update(kind(name) for name in others if name != table)
    for folder in folders:
        search = recordings if folder in languages else walk
        # A link to / would list the whole machine.
        inside = collector.files.holds(folder)
        found = search(root, folder, collector.skipped) if inside else iter([(folder, None)])
        if folder not in languages:
            collector.skipped[escaped(folder)] += sum(1 for _ in found)
            continue
        for path, error in found:
            if error:
                collector.reject(path, error)
            else:
                collector.add(path, languages[folder], speaker_of(path))
    named = {escaped(folder): language for folder, language in languages.items()}
    return collector.listing(folders=named)


def _top(root: Path) -> tuple[list[str], list[str]]:
    """Names of all folders that may hold a language directly in the root, and of everything else there, both sorted."""
    try:
        names = sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise CorpusError(f"corpus.root {quoted(root)} can't be listed ({error.strerror}); make it readable") from error
    folders = [name for name in names if is_folder(root / name) and not is_of_system(name)]
    return folders, sorted(set(names) - set(folders))


def _languages(folders: Sequence[str], corpus: params.Corpus, collector: Collector) -> dict[str, str]:
    """Language of each folder that names one.

    If a folder is named exactly like a language, folders that merely contain its name don't count. A folder that holds
    none of the names may be named by another name or the code of a language.
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
        if language := found.pop() if found else collector.languages.find(folder):
            named[folder] = language
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
        for character in names.normal(name)
    )
    return "".join(characters).casefold().split()
