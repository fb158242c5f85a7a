"""The collector: checks each recording that a layout finds, and lists or rejects it."""

import dataclasses
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline import names, params
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.languages import Languages
from pipeline.corpus.paths import MAX_NAME_CHARACTERS, Files, escaped, require_printable
from pipeline.corpus.spreadsheet import Bad
from pipeline.errors import AudioError, CorpusError
from pipeline.rows import RejectedRow

MAX_S = 1e6  # 11 days
NOTHING: Mapping[str, str] = {}


class Collector:
    """Collects the recordings of one source.

    Parameters
    ----------
    speakers_in
        Where the layout names the speakers, for messages; by default, in the path or the speaker table.
    """

    def __init__(self, root: Path, corpus: params.Corpus, speakers_in: str = "") -> None:
        self.languages = Languages(corpus.languages)
        self.root, self.files = root, Files(root)
        self.entries: list[Entry] = []
        self.rejected: list[RejectedRow] = []
        self.skipped = Counter[str]()
        self._pattern = re.compile(corpus.speaker_pattern or "") if corpus.speakers == "pattern" else None
        self._unknown = corpus.speakers if corpus.speakers in ("file", "cluster") else "file"
        self._named = corpus.speakers == "table"
        by_pattern = self._pattern or (corpus.speaker_pattern and not speakers_in)
        place = "its path that corpus.speaker_pattern finds" if by_pattern else speakers_in or "corpus.speaker_table"
        self._no_speaker = f"has no speaker in {place}; write one, so that no voice is both trained and tested on"
        self._listed: dict[object, Entry] = {}

    def language(self, text: str) -> str | None:
        """The language of `corpus.languages` that a text names; any other is counted as skipped."""
        text = names.normal(text)
        name = self.languages.find(text)
        if name is None and text.isprintable():
            self.skipped[text[:MAX_NAME_CHARACTERS]] += 1
        return name or (None if text.isprintable() else text)

    def add(
        self,
        path: str,
        language: str,
        speaker: str | None,
        *,
        where: str = "",
        group: str = "",
        extra: Mapping[str, str] = NOTHING,
        channel: int = 0,
        start: float = 0.0,
        end: float | None = None,
        channel_speakers: tuple[str, ...] = (),
    ) -> None:
        """List a recording, or reject it with the reason.

        Parameters
        ----------
        path
            As the corpus writes it, relative to the root.
        language
            From `language`.
        speaker
            None: the layout does not know it.
        where
            Table and line, for messages.

        Raises
        ------
        CorpusError
            If the same recording is listed twice.
        """
        path = path.strip()
        try:
            normal = self.files.find(below(self.files.written(path)))
            stamp = self.files.stamp(normal)
            group = sys.intern(names.normal(group))
            voice, known = self._speaker(normal, speaker)
            voices = tuple(map(names.normal, channel_speakers)) if known == "table" else ()
            require_printable(path, language=language, speaker=voice + "".join(voices), group=group)
            entry = Entry(
                normal, language, sys.intern(voice), group, dict(extra) if extra else {}, stamp,
                channel=channel, start=start, end=end, channel_speakers=voices, speaker_from=known,
            )  # fmt: skip
            if known in ("file", "cluster"):
                entry = dataclasses.replace(entry, speaker=entry.file_id)
            elif not voice and not any(voices):
                raise AudioError("no_speaker", self._no_speaker, Path(path))
        except AudioError as error:
            self.reject(path, error)
            return
        key = (normal, channel, start, end) if channel or start or end is not None else normal
        before = self._listed.setdefault(key, entry)  # ./a.wav is a.wav
        if before is entry:
            self.entries.append(entry)
        elif before == entry:
            self.reject(path, AudioError("line", f"is listed again, unchanged, by {where}; remove that line"))
        else:
            raise CorpusError(f"{where} lists {normal!r} again, with other cells; list every recording once")

    def reject(self, path: str, error: AudioError) -> None:
        """Reject a recording."""
        self.rejected.append(RejectedRow(escaped(path), error.reason, error.detail))

    def bad(self, table: str) -> Bad:
        """Reject every line of a table, whose path is relative to the root, that can't be used."""
        return lambda line, fault: self.reject(table, AudioError("line", f"line {line} {fault}"))

    def listing(self, folders: Mapping[str, str] = NOTHING) -> Listing:
        """Everything that was found; `folders` as in a Listing."""
        files = Counter(names.composed(path) for path in {entry.path for entry in self.entries})
        entries = [
            dataclasses.replace(entry, is_twin=True)
            if files[form := names.composed(entry.path)] > 1 and form != entry.path
            else entry
            for entry in self.entries
        ]
        return Listing(entries, self.rejected, dict(+self.skipped), dict(folders))

    def _speaker(self, path: str, speaker: str | None) -> tuple[str, str]:
        """The speaker of a recording, and where it is from; empty if it is not known yet."""
        if self._pattern:
            return searched(self._pattern, path), "pattern"
        if not self._named or speaker is None:
            return "", self._unknown
        return names.normal(speaker), "table"


def below(path: str) -> str:
    """A path relative to the root, normalised; AudioError ``outside`` if it leads out of it."""
    normal = posixpath.normpath(path)
    if not path or normal.startswith(("/", "../")) or normal == "..":
        raise AudioError("outside", "is not a path below corpus.root; write it relative to that folder", Path(path))
    return normal


def span(start: str, end: str, path: str) -> tuple[float, float | None]:
    """Start and end of a recording in its file, from two cells in seconds; an empty end or -1 is that of the file.

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
        raise AudioError("times", detail, Path(path))
    return first, None if last == -1 else last


def searched(pattern: re.Pattern[str], path: str) -> str:
    """The speaker that a pattern finds in a path; empty if it finds none."""
    match = pattern.search(names.composed(path))
    return names.normal(match["speaker"] or "") if match else ""
