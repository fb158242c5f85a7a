"""The scores of a test set, as both pages show them."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import params
from pipeline.dataset import views
from pipeline.report.drawing import drawing
from pipeline.report.figures import bars, det
from pipeline.rows import AnswerRow, DetRow
from pipeline.scoring import metrics


def values(
    languages: Sequence[str],
    scores: Mapping[str, Any],
    answers: Sequence[AnswerRow],
    rates: Sequence[DetRow],
    strategy: params.SilenceStrategy,
) -> dict[str, Any]:
    """Return the values of result.html.j2, languages.html.j2 and durations.html.j2 by name.

    Parameters
    ----------
    languages
        Languages spoken in the test set.
    scores
        Content of evaluation/metrics.json.
    answers, rates
        Rows of evaluation/confusion.csv and evaluation/det.csv.
    strategy
        Strategy for silence of the model.
    """
    actual, predicted = [row.actual for row in answers], [row.predicted for row in answers]
    shown = {"recall": "recall", "eer": "EER"}
    bars_of = {name: [scores[key][language] for language in languages] for key, name in shown.items() if key in scores}
    with drawing():
        by_language = bars(f"{' and '.join(bars_of)} by language", languages, bars_of)
        curves = det(rates, languages) if rates else None
    return {
        "metrics": scores,
        "spoken": languages,
        "n_correct": sum(map(operator.eq, actual, predicted)),
        "confusion": metrics.confusion(actual, predicted, languages),
        "silent_frames_count": views.policy(strategy).weighted,
        "by_language": by_language,
        "det_curves": curves,
    }
