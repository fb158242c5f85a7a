"""`lid evaluate`: the scores of a model on a corpus that it has never seen."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline import files, params
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.errors import ArgumentError, ParameterError
from pipeline.report import templates
from pipeline.report.scores import Scores, values
from pipeline.rows import AnswerRow
from pipeline.scoring import unseen
from pipeline.scoring.summary import det, sentences, spoken_in, summarise, table
from pipeline.streaming.identifier import Identifier


def evaluate(
    root: Path,
    layout: params.Layout,
    languages: Sequence[str] | None,
    speakers: str | None,
    model: Path,
    report: Path | None,
    as_json: bool,
) -> None:
    """Score the recordings of a corpus; print the confusion matrix and the scores, or JSON, and write their page."""
    if report:
        _require_writable(report)
    identifier = Identifier.load(model)
    description = identifier.description
    try:
        corpus = params.Corpus.plain(root, layout, languages or description.languages, speaker_table=speakers)
    except ValidationError as error:
        raise ParameterError(params.first_mistake(error)) from error
    with contextlib.redirect_stdout(sys.stderr):  # progress
        scored = unseen.score(identifier, corpus, all_known=languages is None)
    spoken, summary = spoken_in(scored.scores, description), summarise(scored.scores, {}, description)
    notes = [printable(sentence) for sentence in unseen.sentences(scored)]
    if as_json:
        print(json.dumps(summary))
    else:
        show_table(*table(scored.scores, spoken))
        print("\n".join([sentences(summary), *notes]))
    if report:
        answers = [AnswerRow(one.row.language, one.predicted) for one in scored.scores]
        shown = Scores(spoken, summary, answers, det(scored.scores, description), description.silence.strategy)
        page = templates.render("unseen.html.j2", corpus=str(root), model=str(model), notes=notes, **values(shown))
        files.replace(report, page.encode())


def _require_writable(page: Path) -> None:
    """Fail before the scores are computed rather than after."""
    try:
        page.open("a").close()
    except OSError as error:
        raise ArgumentError(
            f"page {str(page)!r} can't be written ({error.strerror}); name a file in a folder that exists"
        ) from error
