"""The collector: checks each recording that a layout finds, and lists or rejects it."""

import contextlib
import dataclasses
import functools
import math
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import names, params
from pipeline.corpus import mirrors, paths
from pipeline.corpus.entries import MEANT, Entry, Listing, carried
from pipeline.corpus.languages import Languages
from pipeline.corpus.spreadsheet import Bad, Table
from pipeline.errors import AudioError, CorpusError
from pipeline.rows import RejectedRow

MAX_S = 1e6  # 11 days
BETWEEN_REASONS = "; "  # in the column reported
UNKNOWN = ("file", "cluster")  # origins of speakers that nobody named
DIGEST = re.compile("[0-9A-Fa-f-]{32,}")  # too long to be somebody else's by chance


@functools.lru_cache(100_000)  # one text per speaker, however many recordings
def own_id(source: str, name: str) -> str:
    """Return the id of a speaker or group of a named source that no other source has.

    The same id is one person within a source, and another person in another source. Only a digest, such as Common
    Voice's client_id, is the same person everywhere.
    """
    return f"{source}/{name}" if source and name and not DIGEST.fullmatch(name) else name


class Collector:
    """Collects the recordings of one source into a listing.

    Attributes
    ----------
    root
        Folder of the source.
    skipped
        Numbers of skipped files, as in a Listing.
    speakers_in
        Where the layout names the speakers, for messages; set by layouts that do.
    global_groups
        True if groups are the publisher's and the same in every source; set by the layout.
    """

    def __init__(self, place: params.Source, corpus: params.Corpus, found: Listing) -> None:
        self.root, self.corpus = paths.root_folder(place.root), corpus
        self.files, self.languages = paths.Files(self.root, corpus.links), Languages(corpus.languages)
        self.skipped = found.skipped
        self.speakers_in, self.global_groups = "", False
        self._place, self._found = place, found
        self._leaving_out = {_plain(reason) for reason in corpus.reported}
        self._pattern = re.compile(corpus.speaker_pattern) if corpus.speaker_pattern else None
        self._listed: dict[object, Entry] = {}

    @functools.cached_property
    def speaker_table(self) -> dict[str, tuple[str, dict[str, str]]] | None:
        """Speaker and further columns by path on disk, from the file `corpus.speaker_table`; None if there is none."""
        name, known = self.corpus.speaker_table, dict[str, tuple[str, int, dict[str, str]]]()
        if name is None or not paths.is_file(paths.on_disk(self.root, name)):
            return None
        shown = f"the speaker table {paths.quoted(self.root / name)} (corpus.speaker_table)"
        remedy = "write one with the columns path, speaker, or set corpus.speaker_pattern"
        for line, row in self.table(name, remedy, shown).rows(("path", "speaker"), MEANT):
            path = self.files.find(posixpath.normpath(self.files.written(row["path"].strip())))
            speaker = names.normal(row["speaker"])
            before, first, _ = known.setdefault(path, (speaker, line, carried(row)))
            if speaker != before:
                both = f"{paths.quoted(before)} (line {first}) and {paths.quoted(speaker)} (line {line})"
                raise CorpusError(f"{shown} names two speakers of {paths.quoted(path)}, {both}; remove the wrong line")
        return {path: (speaker, columns) for path, (speaker, _, columns) in known.items()}

    def table(self, path: str, remedy: str, name: str = "", bad: Bad | None = None, **options: Any) -> Table:
        """Open a table, whose path is relative to the root; by default, lines that can't be used are rejected.

        Raises
        ------
        CorpusError
            If it is a link that leads where links may not lead.
        """

        def reject(line: int, fault: str) -> None:
            self.reject(path, AudioError("line", f"in line {line} {fault}"))

        shown = name or paths.escaped(str(self.root / path))
        found = paths.on_disk(self.root, path)
        if not posixpath.normpath(path).startswith(("/", "..")) and not self.files.reaches(str(found)):
            raise CorpusError(f"{shown} {paths.OUTSIDE}")
        return Table(mirrors.loaded(found), shown, remedy, bad or reject, **options)

    def add(
        self,
        path: str,
        language: str,
        speaker: str | None = None,
        *,
        where: str = "",
        group: str = "",
        part: Mapping[str, str] | None = None,
        channel_speakers: tuple[str, ...] = (),
        columns: dict[str, str] | None = None,
    ) -> None:
        """List a recording, or reject it with the reason, or count it as skipped: for its language, or as reported.

        Parameters
        ----------
        path
            Path as the corpus writes it, relative to the root.
        language
            Any name of the language.
        speaker
            None if the layout does not know it: `corpus.speaker_pattern` or `speaker_table` may.
        where
            Table and line, for messages.
        part
            Cells start and end, in seconds, and channel, counted from 1; an empty end or -1 is that of the file.
        columns
            Further columns of the corpus's table; None: those of `speaker_table`.

        Raises
        ------
        CorpusError
            If the same recording is listed twice.
        """
        path, language = path.strip(), names.normal(language)
        try:
            paths.require_printable(path, language=language)
            known = self.languages.find(language)
            if known is None:
                self.skipped[language[: paths.MAX_NAME_CHARACTERS]] += 1
                return
            channel, start_s, end_s = _part(where, **(part or {}))
            normal = self.files.find(below(self.files.written(path)))
            given = self._named(normal)[1] if columns is None else columns
            for reason in given.get("reported", "").split(BETWEEN_REASONS):
                if reason and _plain(reason) in self._leaving_out:
                    self.skipped[paths.REPORTED + paths.escaped(reason)] += 1
                    return
            size = self.files.size(normal)
            group = names.normal(group)
            voice, voices, origin = self._speakers(normal, speaker, channel_speakers)
            paths.require_printable(path, speaker=voice + "".join(voices), group=group)
        except AudioError as error:
            self.reject(path, error)
            return
        whose = self._place.speakers_of or self._place.name
        entry = Entry(
            normal,
            known,
            sys.intern(own_id(whose, voice)),
            sys.intern(group if self.global_groups else own_id(whose, group)),
            size=size,
            source=self._place.name,
            channel=channel,
            start_s=start_s,
            end_s=end_s,
            channel_speakers=tuple(own_id(whose, name) for name in voices),
            speaker_from=origin,
            columns=self._licensed(given),
        )
        key = (normal, channel, start_s, end_s) if entry.part(channel) else normal
        before = self._listed.setdefault(key, entry)  # ./a.wav is a.wav
        if before != entry:
            raise CorpusError(f"{where} lists {normal!r} again, with other cells; list every recording once")
        if before is not entry:
            self.reject(path, AudioError("line", f"is listed again, unchanged, by {where}; remove that line"))

    def reject(self, path: str, error: AudioError) -> None:
        """Reject a recording."""
        self._found.rejected.append(RejectedRow(self._name(path), error.reason, error.detail))

    def name_folder(self, folder: str, language: str) -> None:
        """Note the language that a folder names."""
        self._found.folders[self._name(folder)] = language

    def finish(self) -> None:
        """Put what was listed into the listing, sorted by path."""
        composed = {entry.path: names.composed(entry.path) for entry in self._listed.values()}
        files = Counter(composed.values())
        for entry in sorted(self._listed.values(), key=lambda one: (one.path, one.channel, one.start_s, one.end_s)):
            form = composed[entry.path]
            unique = dataclasses.replace(entry, is_twin=1) if files[form] > 1 and form != entry.path else entry
            is_unknown = unique.speaker_from in UNKNOWN
            self._found.entries.append(dataclasses.replace(unique, speaker=unique.file_id) if is_unknown else unique)

    def _name(self, path: str) -> str:
        return f"{self._place.name}/{paths.escaped(path)}" if self._place.name else paths.escaped(path)

    def _named(self, path: str) -> tuple[str, dict[str, str]]:
        """Return speaker and further columns of a path in the speaker table, if it is what names the speakers."""
        by_others = self._pattern or self.corpus.speakers in UNKNOWN
        return ("", {}) if by_others else (self.speaker_table or {}).get(path, ("", {}))

    def _licensed(self, columns: dict[str, str]) -> dict[str, str]:
        """Add licence and address of the source where the table has none."""
        given = {name: text for name in ("licence", "url") if (text := getattr(self._place, name))}
        return carried(given | {name: text for name, text in columns.items() if text}) if given else columns

    def _speakers(
        self, path: str, speaker: str | None, of_channels: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...], str]:
        """Return the speaker of a recording, those of its channels, and the origin; AudioError ``no_speaker``."""
        origin, place = self.corpus.speakers, self.speakers_in
        if origin in UNKNOWN:
            return "", (), origin
        if self._pattern and (speaker is None or origin == "pattern"):
            match = self._pattern.search(names.composed(path))
            speaker = (match["speaker"] or "") if match else ""
            place = "its path, where corpus.speaker_pattern finds none"
        elif speaker is None and self.speaker_table is not None:
            speaker, _ = self._named(path)
            place = "a row of this very path in corpus.speaker_table, or set corpus.speaker_pattern"
        if speaker is None:
            return "", (), "file"
        voice = names.normal(speaker)
        voices = tuple(map(names.normal, of_channels)) if origin == "table" else ()
        if not voice and not any(voices):
            remedy = f"name one in {place}, so that no voice is both trained and tested on"
            raise AudioError("no_speaker", f"has no speaker; {remedy}")
        return voice, voices, origin


def _plain(reason: str) -> str:
    """Return a reason for a report as both halves of Common Voice write it: different-language, different_language."""
    return names.normal(reason).casefold().replace("-", "_")


def below(path: str) -> str:
    """Return a path relative to the root, normalised; AudioError ``outside`` if it leads out of it."""
    normal = posixpath.normpath(path)
    if not path or normal.startswith(("/", "../")) or normal == "..":
        raise AudioError("outside", "is not a path below corpus.root; write it relative to that folder", Path(path))
    return normal


def _part(where: str, start: str = "", end: str = "", channel: str = "") -> tuple[int, float, float]:
    """Return channel, start and end of a recording in its file; AudioError ``times`` or ``channel``."""
    channel = channel.strip()
    if channel and not re.fullmatch(r"[1-9]\d{0,3}", channel):
        raise AudioError("channel", f"has the channel {channel[:20]!r} ({where}); count them from 1")
    with contextlib.suppress(ValueError):
        first, last = float(start.strip() or 0), float(end.strip() or -1)
        if 0 <= first < MAX_S and (last == -1 or first < last < MAX_S):
            return int(channel or 0), first, math.inf if last == -1 else last
    given = f"has the times {start[:20]!r} to {end[:20]!r} ({where})"
    raise AudioError("times", f"{given}; write seconds, as 1.5, the end after the start")
