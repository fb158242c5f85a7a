"""Languages by any usual name: codes, names in English and in the language itself, with or without a region."""

import functools
from collections.abc import Sequence
from contextlib import suppress

import langcodes
from language_data import names as known_names

from pipeline import names
from pipeline.errors import CorpusError

MAX_CHARACTERS = 100  # of a name worth looking up
SAME_DISTANCE = 1  # between the tags of languages that are one in practice, such as no and nb


class Languages:
    """The languages of `corpus.languages`, found by any of their names.

    Examples
    --------
    >>> languages = Languages(["english", "Mandarin", "french", "french_canadian"])
    >>> [languages.find(name) for name in ("en", "cmn_hans_cn", "zh-CN", "fr", "fr-CA", "fr-BE", "welsh")]
    ['english', 'Mandarin', 'Mandarin', 'french', 'french_canadian', 'french', None]
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self._exact = {name.casefold(): name for name in wanted}
        self._tags: dict[str, str] = {}
        for name in wanted:
            tag = tag_of(name)
            if tag and (before := self._tags.setdefault(tag, name)) != name:
                raise CorpusError(f"corpus.languages names one language twice, {before!r} and {name!r}; name it once")
        self.find = functools.lru_cache(4096)(self._find)

    def _find(self, text: str) -> str | None:
        """Return the name in `corpus.languages` of the language that a text names, or None."""
        text = names.normal(text)
        if name := self._exact.get(text.casefold()):
            return name
        tag = tag_of(text)
        if tag is None:
            return None
        # Where a language is mainly spoken is implied: zh is zh-CN, but fr is not fr-CA.
        same, _ = langcodes.closest_match(tag, list(self._tags), max_distance=SAME_DISTANCE)
        return self._tags.get(same) or self._tags.get(str(langcodes.get(tag).language))


@functools.lru_cache(4096)
def tag_of(text: str) -> str | None:
    """Return the standard tag of the language that a text names; None if it names none.

    A code is read first, a name second: as a name, `en` is another language.

    >>> [tag_of(text) for text in ("iw", "cmn", "Mandarin", "cmn_hans_cn", "pt-BR", "Brazilian Portuguese", "xyzzy")]
    ['he', 'zh', 'zh', 'zh-Hans-CN', 'pt-BR', 'pt-BR', None]
    """
    if not text.isprintable() or len(text) > MAX_CHARACTERS:
        return None
    try:
        language = langcodes.get(text)
        if language.language and language.is_valid():
            return str(langcodes.standardize_tag(language, macro=True))
    except ValueError:  # no code
        pass
    words = text.replace("_", " ").replace("-", " ").split()
    for name in (" ".join(words), " ".join(reversed(words))):  # french_canadian is Canadian French
        for spoken in ("en", "und"):  # a name in English, or else in any language
            with suppress(LookupError):
                found = langcodes.find(name, spoken)
                # The whole name, not only its beginning.
                if known_names.normalize_name(name) in known_names.TRIES[f"{spoken}/name_to_language"]:
                    return str(langcodes.standardize_tag(found, macro=True))
    return None
