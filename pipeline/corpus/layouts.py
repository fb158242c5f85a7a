"""The table of layouts, the corpus from all its sources, and the check that it can be split by speaker."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mode
from types import ModuleType

from pipeline import params
from pipeline.console.text import shorten
from pipeline.corpus import commonvoice, fleurs, folders, homework, kaldi, mirrors, remote, table, voxlingua107
from pipeline.corpus.collector import UNKNOWN, Collector
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import is_folder, quoted, root_folder, told
from pipeline.corpus.remote import Place
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow, RejectedRow

LAYOUTS: dict[params.Layout, ModuleType] = {
    "kaldi": kaldi,
    "commonvoice": commonvoice,
    "fleurs": fleurs,
    "voxlingua107": voxlingua107,
    "table": table,
    "homework": homework,
    "folders": folders,
}
"""Every layout, the most specific first: of those that fit, `auto` takes the first.

`recognise` returns why a folder matches the layout, or None; `read` adds the recordings of a source to a collector.
"""

MIN_SPEAKERS = 2  # per language: one to train and one to test on


def read(corpus: params.Corpus) -> Listing:
    """List the recordings of all sources, sorted by source and path.

    Raises
    ------
    CorpusError
        If a folder, its table or its speakers can't be read or contradict themselves, or a licence is not allowed.
    """
    found = Listing()
    for place in corpus.places():
        name, notes = recognised(place)
        collector = Collector(place, corpus, found)
        for path, error in mirrors.of(place.root).unusable.items() if remote.is_remote(place.root) else ():
            collector.reject(path, error)
        LAYOUTS[name].read(collector)
        collector.finish()
        found.notes.extend(notes)
    _require_licences(found.entries, corpus.licences)
    found.notes.extend(_assumptions(found.entries, found.folders))
    return dataclasses.replace(found, skipped=+found.skipped)


def _require_licences(entries: Iterable[Entry], allowed: Iterable[str]) -> None:
    """Refuse recordings whose licence is not allowed; CorpusError."""
    known = {name.casefold() for name in allowed}
    wrong = [entry for entry in entries if known and entry.columns.get("licence", "").casefold() not in known]
    if wrong:
        count, one, licence = f"{len(wrong):,}", quoted(wrong[0].name), wrong[0].columns.get("licence")
        raise CorpusError(
            f"{count} recordings are not of the licences in corpus.licences, such as {one}, which has "
            f"{quoted(licence) if licence else 'none'}; leave them out, or list their licence"
        )


def _assumptions(entries: Sequence[Entry], folders: Mapping[str, str]) -> list[str]:
    """Return what is assumed about who is who, one sentence each."""
    spoken, cases, owners = (defaultdict[str, set[str]](set) for _ in range(3))
    places = defaultdict[tuple[str, str], set[str]](set)
    unknown = Counter[str]()
    for entry in entries:
        if entry.speaker_from in UNKNOWN:
            unknown[entry.source] += 1
            continue
        for name in filter(None, (entry.speaker, *entry.channel_speakers)):
            spoken[name].add(entry.language)
            places[entry.source, name].add("/".join(entry.name.split("/")[: 1 + bool(entry.source)]))
            cases[name.casefold()].add(name)
            owner, _, own = name.partition("/") if entry.source else ("", "", "")
            owners[own].add(owner)
    inside = {whose: of & folders.keys() for whose, of in places.items()}  # those of languages
    within = {name: of for (_, name), of in inside.items() if len(spoken[name]) == 1 < len(of)}
    one = "such as {!r} ({}); each counts as one person: if an id stands for several people, write another one for each"
    found = (
        (spoken, f"speakers have recordings in several languages, {one}"),
        (within, f"speakers have recordings in several folders of one language, {one}"),
        (owners, "ids of speakers are in several sources, such as {!r} ({}), and count as different people in each: if "
         "they are the same people, set speakers_of in corpus.sources"),
        (cases, "ids of speakers differ only in case, such as {!r} ({}); they count as different people, but stay in "
         "one split: if they are one person, write them alike"),
    )  # fmt: skip
    sentences = [
        f"{len(several):,} " + sentence.format(shorten(min(several)), shorten(", ".join(sorted(several[min(several)]))))
        for ids, sentence in found
        if (several := {name: of for name, of in ids.items() if name and len(of) > 1})
    ]
    if any(entry.source and entry.columns.get("source", entry.source) != entry.source for entry in entries):
        sentences.append("the names in corpus.sources replace the column source of a table; rename it to keep it")
    for source, number in unknown.items():
        where = f" of source {source}" if source else ""
        sentences.append(
            f"SPEAKERS ARE NOT KNOWN for {number:,} recordings{where}: a voice may be on both sides of a split"
        )
    return sentences


def roots(corpus: params.Corpus) -> dict[str, Place]:
    """Return the folder or address of each source by its name, absolute: workers may run in another folder."""
    return {
        place.name: place.root if remote.is_remote(place.root) else root_folder(place.root).resolve()
        for place in corpus.places()
    }


def recognised(place: params.Source) -> tuple[params.Layout, list[str]]:
    """Return the layout of a source, and how `auto` found it; CorpusError if it has none or is not a folder."""
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


def check(
    entries: Sequence[Entry | RecordingRow],
    rejected: Sequence[RejectedRow],
    corpus: params.Corpus,
    skipped: Mapping[str, int],
) -> None:
    """Refuse a corpus that can't be split by speaker.

    Raises
    ------
    CorpusError
        Naming what is rejected or skipped, if anything is, and the language that lacks recordings or speakers.
    """
    pairs = {
        (entry.language, speaker)
        for entry in entries
        for speaker in (*getattr(entry, "channel_speakers", ()), entry.speaker)
        if speaker
    }
    voices = Counter(language for language, _ in pairs)
    language = next((language for language in corpus.languages if voices[language] < MIN_SPEAKERS), None)
    if language is None:
        return
    where = f"corpus.root {quoted(corpus.root)} with corpus.layout {corpus.layout!r}"
    if corpus.sources:
        where = f"corpus.sources {', '.join(source.name for source in corpus.sources)}"
    lack = f"{language!r} has {voices[language]} speaker(s) in {where} and needs {MIN_SPEAKERS}: one to train and one "
    reasons = [
        f"{lack}to test on; add recordings, or correct corpus.languages" if entries else f"no recordings in {where}"
    ]
    if rejected:
        usual = mode(row.reason for row in rejected)
        first = next(row for row in rejected if row.reason == usual)
        reasons.append(f"{rejections(rejected, len(entries))}, such as {quoted(first.path)}, which {first.detail}")
    if too_many(rejected, len(entries), corpus.max_rejected):  # they are the cause, not the lack
        reasons[0] = f"{reasons.pop()}; see artifacts/corpus/rejected.csv"
    raise CorpusError("; ".join([*reasons, *told(skipped), "see docs/corpora.md"]))


def too_many(rejected: Sequence[RejectedRow], accepted: int, max_rejected: float) -> bool:
    """Return whether the rejected share is above `max_rejected`."""
    return len(rejected) > max_rejected * (accepted + len(rejected))


def rejections(rejected: Sequence[RejectedRow], accepted: int) -> str:
    """Return how many recordings are rejected, with the five commonest reasons.

    >>> rejections([RejectedRow("a.wav", "missing", "can't be found")], accepted=3)
    '1 of 4 recordings are rejected (missing 1)'
    """
    reasons = Counter(row.reason for row in rejected).most_common(5)
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons)
    return f"{len(rejected)} of {accepted + len(rejected)} recordings are rejected ({counts})"
