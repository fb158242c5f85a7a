"""`lid evaluate`: the scores of a model on a corpus that it has never seen, as a stream of its audio."""

import contextlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline import answers, files, params
from pipeline.answers import Listed
from pipeline.audio import foreign
from pipeline.console.terminal import Progress, show_table
from pipeline.console.text import brief, printable
from pipeline.corpus import layouts, remote
from pipeline.corpus.paths import REPORTED, SYSTEM_FILES, quoted, root_folder, told
from pipeline.errors import CorpusError, ParameterError
from pipeline.report import page
from pipeline.rows import AnswerRow, RejectedRow
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.summary import det, sentences, spoken_in, summarise, table
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier

PARAMS = Path("params.yaml")
OWN = f"this is the corpus of {PARAMS}: the model may have been trained on it"


def evaluate(
    roots: Sequence[str],
    layout: params.Layout,
    prior: Mapping[str, float] | None,
    speakers: str | None,
    model: Path,
    report: Path | None,
    as_json: bool,
    jobs: int,
) -> None:
    """Score the recordings of corpora, or those of params.yaml; print the scores, or JSON, and write their page.

    With a prior, recordings of other languages are skipped.
    """
    description = Description.read(model)
    languages = [name for name, share in (prior or {}).items() if share]
    with contextlib.redirect_stdout(sys.stderr):  # progress
        corpus = _corpus(roots, layout, languages or (description.languages if roots else None), speakers)
        scores, notes = score(model, corpus, all_known=bool(roots) and prior is None, jobs=jobs, prior=prior)
    spoken, summary = spoken_in(scores, description), summarise(scores, description)
    if prior:
        notes = [f"possible answers: {', '.join(f'{name} {share:.0%}' for name, share in prior.items())}", *notes]
    notes = [printable(note) for note in [*notes, *[OWN] * (not roots)]]
    if as_json:
        print(json.dumps(summary | ({"prior": prior} if prior else {})))
    else:
        show_table(*table(scores, spoken))
        print("\n".join([sentences(summary), *notes]))
    if report:
        given = [AnswerRow(scored.row.language, scored.predicted) for scored in scores]
        shown = page.scores(spoken, summary, given, det(scores, description), description.silence.strategy)
        text = page.from_template("unseen.html.j2", corpus=corpus.folders, model=str(model), notes=notes, **shown)
        files.replace(report, text.encode())


def _corpus(
    roots: Sequence[str], layout: params.Layout, languages: Sequence[str] | None, speakers: str | None
) -> params.Corpus:
    """Return folders as one corpus, each a source if there are several; without any, the corpus of params.yaml."""
    names = [
        re.sub(r"[^A-Za-z0-9]+", "-", root_folder(root).resolve().name).strip("-")[:50] or "corpus" for root in roots
    ]
    sources = [
        {"root": root, "layout": layout, "name": name if names.count(name) == 1 else f"{name}-{number}"}
        for number, (root, name) in enumerate(zip(roots, names, strict=True), 1)
    ]
    try:
        if not roots:
            own = params.load(PARAMS)
            return params.Corpus.model_validate(dict(own.corpus) | {"languages": languages or own.trained_languages})
        corpus = params.Corpus.plain(
            roots[0], layout, languages or (), speaker_table=speakers, sources=sources if len(roots) > 1 else ()
        )
    except ValidationError as error:
        raise ParameterError(params.first_mistake(error)) from error
    if not speakers and any(layouts.recognised(place)[0] == "folders" for place in corpus.places()):
        return corpus.model_copy(update={"speakers": "file"})  # nobody names them
    return corpus


def score(
    model: Path, corpus: params.Corpus, all_known: bool, jobs: int = 1, prior: Mapping[str, float] | None = None
) -> tuple[list[RecordingScore], list[str]]:
    """Score every recording of a corpus that can be used; return also sentences on the others and on the corpus.

    Parameters
    ----------
    all_known
        Refuse a corpus with languages that are not among `corpus.languages`, instead of skipping these.
    prior
        Prior of each possible language.

    Raises
    ------
    CorpusError
        If the corpus can't be read, has a language that the model does not know, or no recording that can be used.
    """
    known = Description.read(model).languages
    if unknown := [language for language in corpus.languages if language not in known]:
        raise CorpusError(f"the model does not know {brief(unknown[0])}; it knows {', '.join(known)}")
    listing = layouts.read(corpus)
    others = sorted(name for name in listing.skipped if not name.startswith(("*", SYSTEM_FILES, REPORTED)))  # languages
    if all_known and others:
        raise CorpusError(
            f"corpus {quoted(corpus.folders)} holds {brief(others[0])}, which the model does not know; it knows "
            f"{', '.join(known)}: name the possible ones with --languages"
        )
    roots = layouts.roots(corpus)
    listed = [Listed(entry, remote.join(roots[entry.source], entry.path)) for entry in listing.entries]
    results = list(_scored(listed, model, jobs, prior))
    scores = [result for result in results if not isinstance(result, RejectedRow)]
    rejected = [*listing.rejected, *(result for result in results if isinstance(result, RejectedRow))]
    first = f"; the first, {quoted(rejected[0].path)}, {rejected[0].detail}" if rejected else ""
    if not any(scored.decision.frames for scored in scores):
        raise CorpusError(f"no recording with speech in corpus {quoted(corpus.folders)} can be used{first}")
    unusable = [f"recordings that can't be used: {len(rejected):,}{first}"] if rejected else []
    waiting = foreign.waiting(row.detail for row in rejected)
    return scores, [*unusable, *waiting, *told(listing.skipped), *listing.notes]


def _scored(
    recordings: Sequence[Listed], model: Path, jobs: int, prior: Mapping[str, float] | None
) -> Iterator[RecordingScore | RejectedRow]:
    """Score recordings one after the other, or in several processes."""
    if jobs > 1:
        yield from answers.scored(recordings, (model, "onnx", prior), jobs)
        return
    progress = Progress("evaluate", len(recordings), "recordings")
    network = Identifier.load(model, "onnx", languages=prior)
    for listed in recordings:
        yield answers.score(listed, network)
        progress.update(1)
