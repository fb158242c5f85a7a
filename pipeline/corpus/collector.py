"""The collector: checks each recording that a layout finds, and lists or rejects it."""

import dataclasses
import functools
import posixpath
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline import names, params
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.identity import UNKNOWN, own_id
from pipeline.corpus.languages import Languages
from pipeline.corpus.paths import (
    MAX_NAME_CHARACTERS,
    Files,
    escaped,
    is_file,
    on_disk,
    quoted,
    require_printable,
    root_folder,
)
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import AudioError, CorpusError
from pipeline.rows import RejectedRow

MAX_S = 1e6  # 11 days


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
        self.root, self.corpus = root_folder(place.root), corpus
        self.files, self.languages = Files(self.root), Languages(corpus.languages)
        self.skipped = found.skipped
        self.speakers_in, self.global_groups = "", False
        self._place, self._found = place, found
        self._pattern = re.compile(corpus.speaker_pattern) if corpus.speaker_pattern else None
        self._listed: dict[object, Entry] = {}

    @functools.cached_property
    def speaker_table(self) -> dict[str, str] | None:
        """Speakers by path on disk, from the file `corpus.speaker_table`; None if there is none."""
        name, known = self.corpus.speaker_table, dict[str, tuple[str, int]]()
        if name is None or not is_file(on_disk(self.root, name)):
            return None
        shown = f"the speaker table {quoted(self.root / name)} (corpus.speaker_table)"
        remedy = "write one with the columns path, speaker, or set corpus.speaker_pattern"
        for line, row in self.table(name, remedy, shown).rows(("path", "speaker")):
            path = self.files.find(posixpath.normpath(self.files.written(row["path"].strip())))
            speaker = names.normal(row["speaker"])
            before, first = known.setdefault(path, (speaker, line))
            if speaker != before:
                raise CorpusError(
                    f"{shown} says that {quoted(path)} is spoken by {quoted(before)} (line {first}) and by "
                    f"{quoted(speaker)} (line {line}); remove the wrong line"
                )
        return {path: speaker for path, (speaker, _) in known.items()}

    def table(self, path: str, remedy: str, name: str = "", **options: Any) -> Table:
        """Open a table, whose path is relative to the root; lines that can't be used are rejected."""

        def reject_line(line: int, fault: str) -> None:
            self.reject(path, AudioError("line", f"line {line} {fault}"))

        return Table(on_disk(self.root, path), name or escaped(str(self.root / path)), remedy, reject_line, **options)

    def language(self, text: str) -> str | None:
        """Return the language of `corpus.languages` that a text names; any other is counted as skipped."""
        text = names.normal(text)
        if not text.isprintable():
            return text  # `add` rejects it
        name = self.languages.find(text)
        if name is None:
            self.skipped[text[:MAX_NAME_CHARACTERS]] += 1
        return name

    def add(
        self,
        path: str,
        language: str,
        speaker: str | None = None,
        *,
        where: str = "",
        group: str = "",
        channel_speakers: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """List a recording, or reject it with the reason.

        Parameters
        ----------
        path
            Path as the corpus writes it, relative to the root.
        language
            Result of `language`.
        speaker
            None if the layout does not know it: `corpus.speaker_pattern` or `speaker_table` may.
        where
            Table and line, for messages.
        more
            Fields of the Entry: extra, channel, start, end.

        Raises
        ------
        CorpusError
            If the same recording is listed twice.
        """
        path = path.strip()
        try:
            normal = self.files.find(below(self.files.written(path)))
            stamp = self.files.stamp(normal)
            group = names.normal(group)
            voice, origin = self._speaker(normal, speaker)
            voices = tuple(map(names.normal, channel_speakers)) if origin == "table" else ()
            require_printable(path, language=language, speaker=voice + "".join(voices), group=group)
            if not voice and not any(voices) and origin not in UNKNOWN:
                place = self.speakers_in or "corpus.speaker_table, or set corpus.speaker_pattern"
                raise AudioError(
                    "no_speaker", f"has no speaker; name one in {place}, so that no voice is both trained and tested on"
                )
        except AudioError as error:
            self.reject(path, error)
            return
        whose = self._place.speakers_of or self._place.name
        entry = Entry(
            normal,
            language,
            sys.intern(own_id(whose, voice)),
            sys.intern(group if self.global_groups else own_id(whose, group)),
            stamp=stamp,
            source=self._place.name,
            channel_speakers=tuple(own_id(whose, name) for name in voices),
            speaker_from=origin,
            **more,
        )
        part = (entry.channel, entry.start, entry.end)
        before = self._listed.setdefault((normal, part) if any(part) else normal, entry)  # ./a.wav is a.wav
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
        for entry in sorted(self._listed.values(), key=lambda one: (one.path, one.channel, one.start, one.end or 0)):
            form = composed[entry.path]
            unique = dataclasses.replace(entry, is_twin=True) if files[form] > 1 and form != entry.path else entry
            is_unknown = unique.speaker_from in UNKNOWN
            self._found.entries.append(dataclasses.replace(unique, speaker=unique.file_id) if is_unknown else unique)

    def _name(self, path: str) -> str:
        return f"{self._place.name}/{escaped(path)}" if self._place.name else escaped(path)

    def _speaker(self, path: str, speaker: str | None) -> tuple[str, str]:
        """Return the speaker of a recording, and the origin of the name; empty if it has none or nobody knows."""
        if self.corpus.speakers in UNKNOWN:
            return "", self.corpus.speakers
        if self._pattern and (speaker is None or self.corpus.speakers == "pattern"):
            match = self._pattern.search(names.composed(path))
            speaker = (match["speaker"] or "") if match else ""
        elif speaker is None and self.speaker_table is not None:
            speaker = self.speaker_table.get(path, "")
        if speaker is None:
            return "", "file"
        return names.normal(speaker), self.corpus.speakers


def below(path: str) -> str:
    """Return a path relative to the root, normalised; AudioError ``outside`` if it leads out of it."""
    normal = posixpath.normpath(path)
    if not path or normal.startswith(("/", "../")) or normal == "..":
        raise AudioError("outside", "is not a path below corpus.root; write it relative to that folder", Path(path))
    return normal


def span(start: str, end: str) -> dict[str, Any]:
    """Return start and end of a recording in its file, from two cells in seconds; an empty end or -1 is the file's.

    Raises
    ------
    AudioError
        ``times``.
    """
    try:
        first = float(start) if start.strip() else 0.0
        last = float(end) if end.strip() else -1.0
    except ValueError:
        first, last = -1.0, -1.0
    if not (0 <= first < MAX_S and (last == -1 or first < last < MAX_S)):
        detail = f"has the times {start[:20]!r} to {end[:20]!r}; write seconds, as 1.5, the end after the start"
        raise AudioError("times", detail)
    return {"start": first, "end": None if last == -1 else last}
