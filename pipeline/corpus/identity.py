"""Who is who: an id belongs to its table.

The same id is one person within a source, and another person in another source. Only a digest, such as Common Voice's
client_id, is the same person everywhere.
"""

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from pipeline.console.text import shorten
from pipeline.corpus.entries import Entry

UNKNOWN = ("file", "cluster")  # origins of speakers that nobody named
DIGEST = re.compile("[0-9A-Fa-f-]{32,}")  # too long to be somebody else's by chance


@functools.lru_cache(100_000)  # one text per speaker, however many recordings
def own_id(source: str, name: str) -> str:
    """Return the id of a speaker or group of a named source that no other source has."""
    return f"{source}/{name}" if source and name and not DIGEST.fullmatch(name) else name


def notes(entries: Iterable[Entry]) -> list[str]:
    """Return what is assumed about who is who, one sentence each."""
    spoken, cases, owners = (defaultdict[str, set[str]](set) for _ in range(3))
    unknown = Counter[str]()
    for entry in entries:
        if entry.speaker_from in UNKNOWN:
            unknown[entry.source] += 1
            continue
        for name in filter(None, (entry.speaker, *entry.channel_speakers)):
            spoken[name].add(entry.language)
            cases[name.casefold()].add(name)
            owner, _, own = name.partition("/") if entry.source else ("", "", "")
            owners[own].add(owner)
    found = (
        (spoken, "speakers have recordings in several languages, such as {!r} ({}); each counts as one person: if an "
         "id stands for several people, write another one for each"),
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
    for source, number in unknown.items():
        where = f" of source {source}" if source else ""
        sentences.append(
            f"SPEAKERS ARE NOT KNOWN for {number:,} recordings{where}: a voice may be on both sides of a split"
        )
    return sentences
