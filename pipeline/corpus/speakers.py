"""Speakers of recordings whose layout does not name them: from a table or from the paths of the recordings."""

import posixpath
import re
from collections.abc import Callable

from pipeline import names, params
from pipeline.corpus.collector import Collector, searched
from pipeline.corpus.paths import is_file, on_disk, quoted
from pipeline.corpus.spreadsheet import Table
from pipeline.errors import CorpusError


def lookup(corpus: params.Corpus, collector: Collector) -> Callable[[str], str | None]:
    """Return a function from a path, relative to the root, to its speaker: empty if it has none, None if no one knows.

    `corpus.speaker_pattern`, a regular expression with a group (?P<speaker>...), is searched in the path. Without it,
    `corpus.speaker_table` is read: CSV with the columns path and speaker. Lines that can't be used are rejected.

    Raises
    ------
    CorpusError
        If neither is given, or the table can't be read or names two speakers for one path.
    """
    if corpus.speaker_pattern is not None:
        pattern = re.compile(corpus.speaker_pattern)
        return lambda path: searched(pattern, path)
    if corpus.speakers in ("file", "cluster"):
        return lambda path: None
    if corpus.speaker_table is None:
        raise CorpusError("the folders layout needs corpus.speaker_table or corpus.speaker_pattern; set one of them")
    table = _table(corpus.speaker_table, collector)
    return lambda path: table.get(path, "")


def lookup_if_any(corpus: params.Corpus, collector: Collector) -> Callable[[str], str | None]:
    """As `lookup`, for layouts that know no speakers: without a pattern or table, all of them are None."""
    table = corpus.speaker_table
    if corpus.speaker_pattern is None and (table is None or not is_file(on_disk(collector.root, table))):
        return lambda path: None
    return lookup(corpus, collector)


def _table(name: str, collector: Collector) -> dict[str, str]:
    """Speakers by path on disk, read from a table."""
    shown = f"the speaker table {quoted(collector.root / name)} (corpus.speaker_table)"
    remedy = "write one with the columns path, speaker, or set corpus.speaker_pattern"
    known: dict[str, tuple[str, int]] = {}
    table = Table(on_disk(collector.root, name), shown, remedy, collector.bad(name))
    for line, row in table.rows(("path", "speaker")):
        path = collector.files.find(posixpath.normpath(collector.files.written(row["path"].strip())))
        speaker = names.normal(row["speaker"])
        before, first = known.setdefault(path, (speaker, line))
        if speaker != before:
            raise CorpusError(
                f"{shown} says that {quoted(path)} is spoken by {quoted(before)} (line {first}) and by "
                f"{quoted(speaker)} (line {line}); remove the wrong line"
            )
    return {path: speaker for path, (speaker, _) in known.items()}
