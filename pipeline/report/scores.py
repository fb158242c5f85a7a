"""The scores of a test set, as both pages show them."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import params
from pipeline.dataset import views
from pipeline.report.drawing import drawing
from pipeline.report.figures import bars, det
from pipeline.rows import AnswerRow, DetRow
from pipeline.scoring import metrics


@dataclass(frozen=True)
class Scores:
    """The scores of a test set.

    Attributes
    ----------
    languages
        Those spoken.
    metrics
        As in evaluation/metrics.json.
    answers, det
        Rows as of evaluation/confusion.csv and evaluation/det.csv.
    strategy
        That of the model, for silence.
    """

    languages: Sequence[str]
    metrics: Mapping[str, Any]
    answers: Sequence[AnswerRow]
    det: Sequence[DetRow]
    strategy: params.SilenceStrategy


def values(scores: Scores) -> dict[str, Any]:
    """The values of scores.html.j2, by name."""
    actual, predicted = [row.actual for row in scores.answers], [row.predicted for row in scores.answers]
    recall = {"recall": [scores.metrics["recall"][language] for language in scores.languages]}
    if "eer" in scores.metrics:
        recall["EER"] = [scores.metrics["eer"][language] for language in scores.languages]
    with drawing():
        by_language = bars(f"{' and '.join(recall)} by language", scores.languages, recall)
        curves = det(scores.det, scores.languages) if scores.det else None
    return {
        "metrics": scores.metrics,
        "spoken": scores.languages,
        "n_correct": sum(map(operator.eq, actual, predicted)),
        "confusion": metrics.confusion(actual, predicted, scores.languages),
        "silent_frames_count": views.policy(scores.strategy).weighted,
        "by_language": by_language,
        "det_curves": curves,
    }
