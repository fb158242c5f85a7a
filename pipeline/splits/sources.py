"""Held-out recordings: further test sets, neither trained nor selected on.

`other` has those of held-out sources, which are named by `split.holdout`, or are one fold of the sources with
`split.method: sources`. `open` has those of held-out languages, which only the answer `unknown` would fit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from pipeline import params
from pipeline.console.text import brief
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow
from pipeline.splits import assignment
from pipeline.splits.groups import groups, require_column

SOURCE = "source"  # the column of the corpus table that names where a recording comes from
LANGUAGE = "language"  # in split.holdout: whole languages

Holdout = Mapping[str, str | Sequence[str]]  # one or several values by column of the corpus table


class Divided(NamedTuple):
    """The recordings of a corpus."""

    kept: list[RecordingRow]  # to be split into train, val and test
    other: list[RecordingRow]  # of held-out sources
    left_out: list[RecordingRow]  # share a speaker, source recording, audio or speech with `other`: in no split


def divide(recordings: Sequence[RecordingRow], holdout: Holdout) -> Divided:
    """Keep recordings out if one of their columns has one of these values.

    Raises
    ------
    CorpusError
        If the corpus has no such column or value, or a language would have no recording left.

    Examples
    --------
    >>> rows = [
    ...     RecordingRow(
    ...         f"{speaker}/{source}", "p", "hindi", speaker, f"{speaker}/{source}", 60, 960000, 16000, 1, "WAV",
    ...         f"{speaker}/{source}", -3, -20, 0, 0, extra={"source": source},
    ...     )
    ...     for speaker, source in [("ann", "tv"), ("ann", "radio"), ("bob", "radio")]
    ... ]
    >>> [[row.recording for row in part] for part in divide(rows, {"source": "tv"})]
    [['bob/radio'], ['ann/tv'], ['ann/radio']]
    """
    wanted = {column: (values,) if isinstance(values, str) else values for column, values in holdout.items()}
    for column, values in wanted.items():
        require_column(recordings, column, "split.holdout")
        known = sorted({row.extra[column] for row in recordings if row.extra.get(column)})
        if unknown := [value for value in values if value not in known]:
            absent, there = f"{column} {brief(unknown[0])}", ", ".join(map(brief, known[:10])) or "none"
            raise CorpusError(f"split.holdout keeps {absent} out, but no recording has it; there are {there}")
    held = [any(row.extra.get(column) in values for column, values in wanted.items()) for row in recordings]
    parts = Divided([], [], [])
    for row, out, shares in zip(recordings, held, _sharing(recordings, held), strict=True):
        (parts.other if out else parts.left_out if shares else parts.kept).append(row)
    if lost := {row.language for row in recordings} - {row.language for row in parts.kept}:
        why = "all are theirs or share a speaker with them; hold out less, or add recordings"
        raise CorpusError(f"the held-out sources leave no recording of {brief(min(lost))} to train on: {why}")
    return parts


def notes(recordings: Sequence[RecordingRow], left_out: int) -> list[str]:
    """Return what the sources of a corpus leave unknown, one sentence each."""
    sentences = []
    if left_out:
        shared = "share a speaker, a source recording, audio or speech with those of held-out sources"
        sentences.append(f"{left_out:,} recordings {shared} and are left out of all splits")
    sources: dict[str, set[str]] = {}
    for row in recordings:
        sources.setdefault(row.language, set()).add(row.extra.get(SOURCE, ""))
    if len(set.union(*sources.values())) > 1:
        sentences += [
            f"{language}: all recordings come from {brief(next(iter(found)))}, so that these data can't tell whether "
            "the language or its source is recognised"
            for language, found in sorted(sources.items())
            if len(found) == 1
        ]
    return sentences


def held_out(recordings: Sequence[RecordingRow], settings: params.Split, seed: int) -> Holdout:
    """Return what is kept out: `split.holdout`, and with `split.method: sources`, the sources of one fold.

    Held-out languages are not among it.

    Raises
    ------
    CorpusError
        If no source is named, or the fold has none.
    """
    named = {column: values for column, values in settings.holdout.items() if column != LANGUAGE}
    if settings.method != "sources":
        return named
    require_column(recordings, SOURCE, "split.method 'sources'")
    fold_of = folds(recordings, settings.folds, seed)
    mine = [source for source, fold in fold_of.items() if fold == settings.fold]
    if not mine:
        free = f"{len(fold_of)} sources can be left out, each the only one of no language"
        raise CorpusError(f"split.fold {settings.fold} of {settings.folds} has no source: {free}; lower split.folds")
    given = named.get(SOURCE, ())
    return {**named, SOURCE: (*((given,) if isinstance(given, str) else given), *mine)}


def unheard(
    recordings: Sequence[RecordingRow], split_of: Mapping[str, str]
) -> tuple[list[RecordingRow], list[RecordingRow]]:
    """Divide the recordings that have no split: those that share nothing with others than of test, and the rest.

    Parameters
    ----------
    recordings
        All of the corpus.
    split_of
        Name of the split by recording.
    """
    known = [split_of.get(row.recording, "test") != "test" for row in recordings]
    free, rest = list[RecordingRow](), list[RecordingRow]()
    for row, shares in zip(recordings, _sharing(recordings, known), strict=True):
        if row.recording not in split_of:
            (rest if shares else free).append(row)
    return free, rest


def _sharing(recordings: Sequence[RecordingRow], chosen: Sequence[bool]) -> list[bool]:
    """Flag the recordings that share a group with a chosen one."""
    group = groups(recordings)
    return [*np.isin(group, group[np.array(chosen, bool)])]


def folds(recordings: Sequence[RecordingRow], count: int, seed: int) -> dict[str, int]:
    """Return the fold of each source: every fold has as equal a share of each language's sources as possible.

    A source that is the only one of a language is in no fold: that language could not be trained without it.
    """
    pairs = sorted({(row.language, row.extra.get(SOURCE, "")) for row in recordings})
    number = Counter(language for language, _ in pairs)
    alone = {source for language, source in pairs if number[language] == 1}
    free = [(language, source) for language, source in pairs if source not in alone]
    if not free:
        return {}
    languages, names = (sorted(set(column)) for column in zip(*free, strict=True))
    places = [(names.index(source), languages.index(language)) for language, source in free]
    shares = [1 / number[language] for language, _ in free]
    amounts = coo_array((shares, tuple(zip(*places, strict=True))), shape=(len(names), len(languages)))
    given = assignment.Quantities(csr_array(amounts), np.ones(len(languages)), len(languages))
    parts = assignment.Parts(np.full(count, 1 / count), np.ones(count))
    found, _ = assignment.assign(given, parts, np.full(len(names), assignment.UNFIXED), seed)
    return dict(zip(names, found.tolist(), strict=True))
