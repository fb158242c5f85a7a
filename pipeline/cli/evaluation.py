"""`lid evaluate`: the scores of a model on a corpus that it has never seen, as a stream of its audio."""

import contextlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline import files, params
from pipeline.audio import cuts, foreign
from pipeline.audio.decode import decode
from pipeline.console.terminal import Progress, show_table
from pipeline.console.text import brief, printable
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.corpus.paths import SYSTEM_FILES, quoted, told
from pipeline.errors import AudioError, CorpusError, ParameterError
from pipeline.report import page
from pipeline.rows import AnswerRow, RejectedRow, SplitRow
from pipeline.scoring import evaluation
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.summary import det, sentences, spoken_in, summarise, table
from pipeline.streaming.identifier import Identifier

PARAMS = Path("params.yaml")
OWN = f"this is the corpus of {PARAMS}: the model may have been trained on it"


def evaluate(
    roots: Sequence[Path],
    layout: params.Layout,
    languages: Sequence[str] | None,
    speakers: str | None,
    model: Path,
    report: Path | None,
    as_json: bool,
) -> None:
    """Score the recordings of corpora, or those of params.yaml; print the scores, or JSON, and write their page."""
    identifier = Identifier.load(model, "onnx")
    description = identifier.description
    corpus = _corpus(roots, layout, languages or (description.languages if roots else None), speakers)
    with contextlib.redirect_stdout(sys.stderr):  # progress
        scores, notes = score(identifier, corpus, all_known=bool(roots) and languages is None)
    spoken, summary = spoken_in(scores, description), summarise(scores, {}, description)
    notes = [printable(note) for note in [*notes, *[OWN] * (not roots)]]
    if as_json:
        print(json.dumps(summary))
    else:
        show_table(*table(scores, spoken))
        print("\n".join([sentences(summary), *notes]))
    if report:
        answers = [AnswerRow(scored.row.language, scored.predicted) for scored in scores]
        shown = page.scores(spoken, summary, answers, det(scores, description), description.silence.strategy)
        text = page.from_template("unseen.html.j2", corpus=corpus.folders, model=str(model), notes=notes, **shown)
        files.replace(report, text.encode())


def _corpus(
    roots: Sequence[Path], layout: params.Layout, languages: Sequence[str] | None, speakers: str | None
) -> params.Corpus:
    """Return folders as one corpus, each a source if there are several; without any, the corpus of params.yaml."""
    names = [re.sub(r"[^A-Za-z0-9]+", "-", root.resolve().name).strip("-")[:50] or "corpus" for root in roots]
    sources = [
        {"root": str(root), "layout": layout, "name": name if names.count(name) == 1 else f"{name}-{number}"}
        for number, (root, name) in enumerate(zip(roots, names, strict=True), 1)
    ]
    try:
        if not roots:
            own = dict(params.load(PARAMS).corpus)
            return params.Corpus.model_validate(own | ({"languages": languages} if languages else {}))
        corpus = params.Corpus.plain(
            roots[0], layout, languages or (), speaker_table=speakers, sources=sources if len(roots) > 1 else ()
        )
    except ValidationError as error:
        raise ParameterError(params.first_mistake(error)) from error
    if not speakers and any(layouts.recognised(place)[0] == "folders" for place in corpus.places()):
        return corpus.model_copy(update={"speakers": "file"})  # nobody names them
    return corpus


def score(identifier: Identifier, corpus: params.Corpus, all_known: bool) -> tuple[list[RecordingScore], list[str]]:
    """Score every recording of a corpus that can be used; return also sentences on the others and on the corpus.

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
    first = f"; the first, {quoted(rejected[0].path)}, {rejected[0].detail}" if rejected else ""
    if not any(scored.decision.frames for scored in scores):
        raise CorpusError(f"no recording with speech in corpus {quoted(corpus.folders)} can be used{first}")
    unusable = [f"recordings that can't be used: {len(rejected):,}{first}"] if rejected else []
    waiting = foreign.waiting(row.detail for row in rejected)
    return scores, [*unusable, *waiting, *told(listing.skipped), *listing.notes]


def _score(identifier: Identifier, path: Path, entry: Entry) -> RecordingScore:
    decoded = decode(path)
    stream = identifier.stream(decoded.sample_rate)
    row = SplitRow(entry.id(), entry.language, entry.speaker, entry.group or entry.file_id, 0.0, source=entry.source)
    blocks = cuts.between(decoded, entry.channel, *entry.span(decoded.sample_rate))
    return evaluation.score_frames(row, evaluation.streamed(stream, blocks), stream.description)
