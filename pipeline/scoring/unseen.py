"""Score an exported model on a corpus that it has never seen, as a stream of its audio."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.audio import cuts, foreign
from pipeline.audio.decode import decode
from pipeline.console.terminal import Progress
from pipeline.console.text import brief
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.corpus.paths import SYSTEM_FILES, quoted, told
from pipeline.errors import AudioError, CorpusError
from pipeline.rows import RejectedRow, SplitRow
from pipeline.scoring import evaluation, streaming
from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.identifier import Identifier


@dataclass(frozen=True)
class Scored:
    """The recordings of a corpus.

    Attributes
    ----------
    rejected
        Recordings that can't be used.
    skipped
        Numbers of files by ending or language that are not audio, or not in a requested language.
    notes
        How the corpus was read, and if its speakers are unknown.
    """

    scores: list[RecordingScore]
    rejected: list[RejectedRow]
    skipped: dict[str, int]
    notes: list[str]


def score(identifier: Identifier, corpus: params.Corpus, all_known: bool) -> Scored:
    """Answer every recording of a corpus.

    Parameters
    ----------
    all_known
        Refuse a corpus with languages that are not among `corpus.languages`, instead of skipping these.

    Raises
    ------
    CorpusError
        If the corpus can't be read, has a language that the model does not know, or no recording that can be used.
    """
    known = identifier.description.languages
    if unknown := [language for language in corpus.languages if language not in known]:
        raise CorpusError(f"the model does not know {brief(unknown[0])}; it knows {', '.join(known)}")
    listing = layouts.read(corpus)
    others = sorted(name for name in listing.skipped if name != SYSTEM_FILES and not name.startswith("*"))  # languages
    if all_known and others:
        raise CorpusError(
            f"corpus {quoted(corpus.folders)} holds {brief(others[0])}, which the model does not know; it knows "
            f"{', '.join(known)}: name those to score with --languages"
        )
    progress = Progress("evaluate", len(listing.entries), "recordings")
    scores, rejected, roots = [], list(listing.rejected), layouts.roots(corpus)
    for entry in listing.entries:
        try:
            scores.append(_score(identifier, roots[entry.source] / entry.path, entry))
        except AudioError as error:
            rejected.append(RejectedRow(entry.name, error.reason, error.detail))
        progress.update(1)
    if not any(scored.decision.frames for scored in scores):
        first = f"; the first, {quoted(rejected[0].path)}, {rejected[0].detail}" if rejected else ""
        raise CorpusError(f"no recording with speech in corpus {quoted(corpus.folders)} can be used{first}")
    return Scored(scores, rejected, listing.skipped, listing.notes)


def _score(identifier: Identifier, path: Path, entry: Entry) -> RecordingScore:
    decoded = decode(path)
    stream = identifier.stream(decoded.sample_rate)
    row = SplitRow(entry.id(), entry.language, entry.speaker, entry.group or entry.file_id, 0.0)
    blocks = cuts.between(decoded, entry.channel, *entry.span(decoded.sample_rate))
    return evaluation.score_frames(row, streaming.streamed(stream, blocks), stream.description)


def sentences(scored: Scored) -> list[str]:
    """Return one sentence per kind of recording that was left out."""
    found = []
    if scored.rejected:
        first = scored.rejected[0]
        found.append(
            f"recordings that can't be used: {len(scored.rejected):,}; the first, {quoted(first.path)}, {first.detail}"
        )
    waiting = foreign.waiting(row.detail for row in scored.rejected)
    return found + waiting + told(scored.skipped) + scored.notes
