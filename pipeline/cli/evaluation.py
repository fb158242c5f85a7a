"""`lid evaluate`: the scores of a model on a corpus that it has never seen."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline import params
from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.errors import ParameterError
from pipeline.scoring import unseen
from pipeline.scoring.summary import sentences, spoken_in, summarise, table
from pipeline.streaming.identifier import Identifier


def evaluate(
    root: Path, layout: params.Layout, languages: Sequence[str] | None, speakers: str | None, model: Path, as_json: bool
) -> None:
    """Score the recordings of a corpus and print the confusion matrix and the scores, or JSON."""
    identifier = Identifier.load(model)
    description = identifier.description
    try:
        corpus = params.Corpus(
            root=str(root),
            layout=layout,
            languages=tuple(languages or description.languages),
            speaker_table=speakers,
            speaker_pattern=None,
            max_rejected=1.0,
        )
    except ValidationError as error:
        raise ParameterError(params.first_mistake(error)) from error
    with contextlib.redirect_stdout(sys.stderr):  # progress
        scored = unseen.score(identifier, corpus, all_known=languages is None)
    summary = summarise(scored.scores, {}, description)
    if as_json:
        print(json.dumps(summary))
        return
    show_table(*table(scored.scores, spoken_in(scored.scores, description)))
    print(sentences(summary))
    for sentence in unseen.sentences(scored):
        print(printable(sentence))
