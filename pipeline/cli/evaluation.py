"""`lid evaluate`: the scores of a model on a corpus that it has never seen."""

import contextlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline import files, params
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.errors import ParameterError
from pipeline.report import templates
from pipeline.report.scores import values
from pipeline.rows import AnswerRow
from pipeline.scoring import unseen
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
    identifier = Identifier.load(model)
    description = identifier.description
    wanted = languages or (description.languages if roots else None)
    corpus = _corpus(roots, layout, wanted, speakers)
    with contextlib.redirect_stdout(sys.stderr):  # progress
        scored = unseen.score(identifier, corpus, all_known=bool(roots) and languages is None)
    spoken, summary = spoken_in(scored.scores, description), summarise(scored.scores, {}, description)
    notes = [printable(sentence) for sentence in [*unseen.sentences(scored), *[OWN] * (not roots)]]
    if as_json:
        print(json.dumps(summary))
    else:
        show_table(*table(scored.scores, spoken))
        print("\n".join([sentences(summary), *notes]))
    if report:
        answers = [AnswerRow(one.row.language, one.predicted) for one in scored.scores]
        shown = values(spoken, summary, answers, det(scored.scores, description), description.silence.strategy)
        page = templates.render("unseen.html.j2", corpus=corpus.folders, model=str(model), notes=notes, **shown)
        files.replace(report, page.encode())


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
