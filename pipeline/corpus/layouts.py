"""The table of layouts, and the check that a corpus can be split by speaker."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import params
from pipeline.corpus import folders, table
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import is_folder, quoted, root_folder
from pipeline.errors import CorpusError
from pipeline.tables import RecordingRow, RejectedRow

LAYOUTS: dict[params.Layout, Callable[[Path, params.Corpus], Listing]] = {
    "folders": folders.read,
    "table": table.read,
}
"""The reader of each layout: it takes `corpus.root` and the parameters, and lists the recordings in any order."""

MIN_SPEAKERS = 2  # per language: one to train and one to test on


def read(corpus: params.Corpus) -> Listing:
    """List the recordings of a corpus in its layout, sorted by path.

    Raises
    ------
    CorpusError
        If the folder, its table or its speakers can't be read or contradict themselves.
    """
    root = root_folder(corpus.root)
    if not is_folder(root):
        raise CorpusError(f"corpus.root {quoted(root)} is not a folder; name the folder that holds the recordings")
    listing = LAYOUTS[corpus.layout](root, corpus)
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def check(entries: Sequence[Entry | RecordingRow], rejected: Sequence[RejectedRow], corpus: params.Corpus) -> None:
    """Refuse a corpus that can't be split by speaker.

    Raises
    ------
    CorpusError
        Naming the language that lacks recordings or speakers.
    """
    if not entries and rejected:
        raise CorpusError(
            f"none of the {len(rejected)} recordings in corpus.root {quoted(corpus.root)} can be used; the first, "
            f"{quoted(rejected[0].path)}, {rejected[0].detail}"
        )
    if not entries:
        raise CorpusError(
            f"no recordings in corpus.root {quoted(corpus.root)} with corpus.layout {corpus.layout!r}; see README"
        )
    speakers = Counter(language for language, _ in {(entry.language, entry.speaker) for entry in entries})
    language = next((language for language in corpus.languages if speakers[language] < MIN_SPEAKERS), None)
    if language is None:
        return
    if not speakers[language]:
        raise CorpusError(
            f"corpus.languages names {language!r}, which has no recordings in {quoted(corpus.root)}; "
            "remove it or add its recordings"
        )
    raise CorpusError(
        f"{language!r} has {speakers[language]} speaker(s) in {quoted(corpus.root)} and needs {MIN_SPEAKERS}, "
        "one to train and one to test on; add recordings of others"
    )
