"""The folders layout: one folder per language, whose name contains that of the language, such as train_english/.

Names are compared word by word: train_english holds the words train and english.
"""

import os
import posixpath
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import names
from pipeline.corpus.collector import UNKNOWN, Collector
from pipeline.corpus.paths import escaped, folders_of, is_audio, is_folder, kind, names_in, quoted, recordings, walk
from pipeline.errors import CorpusError


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    for folder in folders_of(root):
        if any(is_audio(name) or is_folder(root / folder / name) for name in names_in(root / folder)):
            return f"it holds folders, such as {escaped(folder)}/"
    return None


def read(collector: Collector) -> None:
    """List the audio files in every language's folders with their speakers."""
    corpus, root = collector.corpus, collector.root
    needs_table = corpus.speaker_pattern is None and corpus.speakers not in UNKNOWN
    if needs_table and collector.speaker_table is None:
        raise CorpusError(
            f"the folders layout needs corpus.speaker_table or corpus.speaker_pattern, and the speaker table "
            f"{quoted(root / (corpus.speaker_table or 'speakers.csv'))} is not a file; write it with the columns path, "
            "speaker, or set the pattern"
        )
    folders = folders_of(root)
    languages = _languages(folders, collector)
    table = collector.files.find(posixpath.normpath(corpus.speaker_table or "."))
    try:
        others = set(os.listdir(root)) - {*folders, table}  # noqa: PTH208 (names only)
    except OSError as error:
        raise CorpusError(f"corpus.root {quoted(root)} can't be listed ({error.strerror}); make it readable") from error
    collector.skipped.update(map(kind, sorted(others)))
    for folder in folders:
        search = recordings if folder in languages else walk
        inside = collector.files.holds(folder)  # a link to / would list the whole machine
        found = search(root, folder, collector.skipped) if inside else iter([(folder, None)])
        if folder not in languages:
            collector.skipped[escaped(folder)] += sum(1 for _ in found)
            continue
        collector.name_folder(folder, languages[folder])
        for path, fault in found:
            if fault:
                collector.reject(path, fault)
            else:
                collector.add(path, languages[folder])


def _languages(folders: Sequence[str], collector: Collector) -> dict[str, str]:
    """Return the language of each folder that names one.

    If a folder is named exactly like a language, folders that merely contain its name don't count. A folder that holds
    none of the names may be named by another name or the code of a language.
    """
    languages = {language: _words(language) for language in collector.corpus.languages}
    words = {folder: _words(folder) for folder in folders}
    exact = {language for language in languages if languages[language] in words.values()}
    named = {}
    for folder in folders:
        found = _named(words[folder], languages)
        if exact.intersection(found) and all(languages[language] != words[folder] for language in found):
            continue
        if len(found) > 1:
            raise CorpusError(
                f"the folder {quoted(folder)} in {quoted(collector.root)} names {' and '.join(found)}; name one "
                "language per folder"
            )
        if language := found[0] if found else collector.languages.find(folder):
            named[folder] = language
    return named


def _named(folder: str, languages: Mapping[str, str]) -> list[str]:
    """Return languages whose words follow one another in those of a folder, outside of those of a longer language."""
    found = []
    for language, words in languages.items():
        rest = folder
        for longer in languages.values():
            if longer != words and words in longer:
                rest = rest.replace(longer, "  ")
        if words.strip() and words in rest:
            found.append(language)
    return found


def _words(name: str) -> str:
    """Return runs of letters and digits in lower case, each between spaces.

    Accents belong to their letters in any form of Unicode.
    """
    characters = (
        character if character.isalnum() or unicodedata.category(character).startswith("M") else " "  # M: vowel signs
        for character in names.normal(name)
    )
    return "".join(f" {word} " for word in "".join(characters).casefold().split())
