"""The table of layouts, the corpus from all its sources, and the check that it can be split by speaker."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.corpus import commonvoice, fleurs, folders, homework, kaldi, table, voxlingua107
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import is_folder, quoted, root_folder
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow, RejectedRow


@dataclass(frozen=True)
class Layout:
    """How one layout is read.

    Attributes
    ----------
    read
        Takes the root of a source and the parameters, and lists the recordings in any order.
    recognise
        Takes a root, and tells by what it is recognised as of this layout; None if it is not.
    """

    read: Callable[[Path, params.Corpus], Listing]
    recognise: Callable[[Path], str | None]


LAYOUTS: dict[params.Layout, Layout] = {
    "kaldi": Layout(kaldi.read, kaldi.recognise),
    "commonvoice": Layout(commonvoice.read, commonvoice.recognise),
    "fleurs": Layout(fleurs.read, fleurs.recognise),
    "voxlingua107": Layout(voxlingua107.read, voxlingua107.recognise),
    "table": Layout(table.read, table.recognise),
    "homework": Layout(homework.read, homework.recognise),
    "folders": Layout(folders.read, folders.recognise),
}
"""Every layout, the most specific first: of those that fit, `auto` takes the first."""

MIN_SPEAKERS = 2  # per language: one to train and one to test on
UNKNOWN = ("file", "cluster")  # origins of speakers that nobody named


def read(corpus: params.Corpus) -> Listing:
    """List the recordings of all sources, sorted by source and path.

    Raises
    ------
    CorpusError
        If a folder, its table or its speakers can't be read or contradict themselves.
    """
    whole = Listing([], [], {})
    skipped = Counter[str]()
    for place in corpus.places():
        listing = _read(place, corpus)
        entries = [_of(place.name, entry) for entry in listing.entries]
        prefix = f"{place.name}/" if place.name else ""
        whole.entries.extend(
            sorted(entries, key=lambda entry: (entry.path, entry.channel, entry.start, entry.end or 0))
        )
        whole.rejected.extend(dataclasses.replace(row, path=prefix + row.path) for row in listing.rejected)
        whole.folders.update({prefix + name: language for name, language in listing.folders.items()})
        whole.notes.extend(listing.notes)
        skipped.update(listing.skipped)
    whole.skipped.update(skipped)
    if unknown := Counter(entry.source for entry in whole.entries if entry.speaker_from in UNKNOWN):
        whole.notes.extend(map(_not_known, unknown.items()))
    return whole


def roots(corpus: params.Corpus) -> dict[str, Path]:
    """The folder of each source by its name, absolute: workers may run in another folder."""
    return {place.name: root_folder(place.root).resolve() for place in corpus.places()}


def _read(place: params.Source, corpus: params.Corpus) -> Listing:
    layout, notes = recognised(place)
    listing = LAYOUTS[layout].read(root_folder(place.root), corpus)
    return dataclasses.replace(listing, notes=[*notes, *listing.notes])


def recognised(place: params.Source) -> tuple[params.Layout, list[str]]:
    """The layout of a source, and how `auto` found it; CorpusError if it has none or is no folder."""
    root, key = root_folder(place.root), f"corpus.sources {place.name}: root" if place.name else "corpus.root"
    if not is_folder(root):
        raise CorpusError(f"{key} {quoted(root)} is not a folder; name the folder that holds the recordings")
    if place.layout != "auto":
        return place.layout, []
    fitting = {name: found for name, layout in LAYOUTS.items() if (found := layout.recognise(root))}
    if not fitting:
        raise CorpusError(
            f"{key} {quoted(root)} has none of the layouts {', '.join(LAYOUTS)}; docs/corpora.md shows each of them"
        )
    taken, *others = fitting
    note = f"{quoted(root)} is read as layout {taken!r}: {fitting[taken]}"
    if others:
        also = ", ".join(f"{name!r} ({fitting[name]})" for name in others)
        note += f"; {also} would fit too, but tell less; to choose, set corpus.layout"
    return taken, [note]


def _of(source: str, entry: Entry) -> Entry:
    """An entry of a source, which may have a name."""
    if not source:
        return entry
    entry = dataclasses.replace(entry, source=source)
    return dataclasses.replace(entry, speaker=entry.file_id) if entry.speaker_from in UNKNOWN else entry


def _not_known(counted: tuple[str, int]) -> str:
    source, number = counted
    where = f" of source {source}" if source else ""
    return f"SPEAKERS ARE NOT KNOWN for {number:,} recordings{where}: a voice may be on both sides of a split"


def check(entries: Sequence[Entry | RecordingRow], rejected: Sequence[RejectedRow], corpus: params.Corpus) -> None:
    """Refuse a corpus that can't be split by speaker.

    Raises
    ------
    CorpusError
        Naming the language that lacks recordings or speakers.
    """
    if not entries and rejected:
        raise CorpusError(
            f"none of the {len(rejected)} recordings in {_where(corpus)} can be used; the first, "
            f"{quoted(rejected[0].path)}, {rejected[0].detail}"
        )
    if not entries:
        raise CorpusError(f"no recordings in {_where(corpus)}; see docs/corpora.md")
    speakers = Counter(language for language, _ in {pair for entry in entries for pair in _voices(entry)})
    language = next((language for language in corpus.languages if speakers[language] < MIN_SPEAKERS), None)
    if language is None:
        return
    if not speakers[language]:
        raise CorpusError(
            f"corpus.languages names {language!r}, which has no recordings in {_where(corpus)}; "
            "remove it or add its recordings"
        )
    raise CorpusError(
        f"{language!r} has {speakers[language]} speaker(s) in {_where(corpus)} and needs {MIN_SPEAKERS}, "
        "one to train and one to test on; add recordings of others"
    )


def _voices(entry: Entry | RecordingRow) -> list[tuple[str, str]]:
    named = entry.channel_speakers if isinstance(entry, Entry) else ()
    return [(entry.language, speaker) for speaker in (*named, entry.speaker) if speaker]


def _where(corpus: params.Corpus) -> str:
    if corpus.sources:
        return f"corpus.sources {', '.join(source.name for source in corpus.sources)}"
    return f"corpus.root {quoted(corpus.root)} with corpus.layout {corpus.layout!r}"
