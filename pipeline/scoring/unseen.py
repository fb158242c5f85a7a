"""Score an exported model on a corpus that it has never seen, as a stream of its audio."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.arrays import Waveform
from pipeline.audio import cuts, foreign
from pipeline.audio.decode import decode
from pipeline.console.terminal import Progress
from pipeline.console.text import brief
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import SYSTEM_FILES, quoted, told
from pipeline.errors import AudioError, CorpusError
from pipeline.rows import RejectedRow, SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.identifier import Frames, Identifier

CHUNKS_PER_S = 10


@dataclass(frozen=True)
class Scored:
    """The recordings of a corpus.

    Attributes
    ----------
    rejected
        Those that can't be used.
    skipped
        Numbers of files that are not audio, or of other languages than those asked for.
    notes
        How the corpus was read, and if its speakers are not known.
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
    if all_known and (others := _languages(listing)):
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


def _languages(listing: Listing) -> list[str]:
    """What was skipped and is no kind of files."""
    return sorted(name for name in listing.skipped if name != SYSTEM_FILES and not name.startswith("*"))


def _score(identifier: Identifier, path: Path, entry: Entry) -> RecordingScore:
    decoded = decode(path)
    stream = identifier.stream(decoded.sample_rate)
    row = SplitRow(entry.id(), entry.language, entry.speaker, entry.group or entry.file_id, 0.0)
    blocks = cuts.between(decoded, entry.channel, entry.start, entry.end)
    return evaluation.score_frames(row, _frames(stream, blocks, decoded.sample_rate), stream.description)


def _frames(stream: Identifier, blocks: Iterator[Waveform], sample_rate: int) -> Iterator[Frames]:
    size = max(sample_rate // CHUNKS_PER_S, 1)
    for block in blocks:
        for at in range(0, len(block), size):
            yield stream.accept(block[at : at + size])
    yield stream.finish()


def sentences(scored: Scored) -> list[str]:
    """What was left out, one sentence each."""
    found = []
    if scored.rejected:
        first = scored.rejected[0]
        found.append(
            f"recordings that can't be used: {len(scored.rejected):,}; the first, {quoted(first.path)}, {first.detail}"
        )
    waiting = foreign.waiting(row.detail for row in scored.rejected)
    return found + waiting + told(scored.skipped) + scored.notes
