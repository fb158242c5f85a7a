"""The report: one self-contained page on the data, the training, the scores and what could be wrong with them."""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.dataset import balance, counts, views
from pipeline.report import ablation, templates
from pipeline.report.figures import bars, curves, drawing, stack
from pipeline.report.scores import Scores, values
from pipeline.rows import SPLITS, AnswerRow, ComparisonRow, DetRow, EpochRow, RejectedRow
from pipeline.training import history

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Results:
    """Results of the earlier stages.

    Attributes
    ----------
    params
        The sections of params.yaml.
    metrics, splits, search, manifests, trim, leakage, speakers, confounds, ingest
        evaluation/metrics.json, splits/summary.json, splits/search.json, manifests/summary.json, trim/summary.json,
        audit/leakage.json, audit/speakers.json, audit/confounds.json and ingest/summary.json.
    answers, det, history, rejected
        Rows of evaluation/confusion.csv, evaluation/det.csv, model/history.csv and ingest/rejected.csv.
    diagram
        model/model.png, a drawing of the network.
    comparison
        Rows of ablation/table.csv for this corpus; none if there are none.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    answers: Sequence[AnswerRow]
    det: Sequence[DetRow]
    history: Sequence[EpochRow]
    splits: Mapping[str, Any]
    search: Mapping[str, Any]
    manifests: Mapping[str, Any]
    trim: Mapping[str, Any]
    leakage: Mapping[str, Any]
    speakers: Mapping[str, Any]
    confounds: Mapping[str, Any]
    ingest: Mapping[str, Any]
    rejected: Sequence[RejectedRow]
    diagram: bytes
    comparison: Sequence[ComparisonRow] = ()


@dataclass(frozen=True)
class Fit:
    """The training of one network: its rows of the history, the best of them, and its curves as SVG."""

    epochs: Sequence[EpochRow]
    best: EpochRow
    loss: "Markup"
    accuracy: "Markup"


def render(results: Results) -> str:
    """Render the report.

    Returns
    -------
    str
        HTML that loads nothing; the same bytes for the same results. Names of files and languages are text, never
        markup.
    """
    languages, strategy = results.params["corpus"]["languages"], results.params["silence"]["strategy"]
    scores = values(Scores(languages, results.metrics, results.answers, results.det, strategy))
    with drawing():
        cells = ablation.figure(results.comparison) if results.comparison else None
        figures, fits = _figures(results, languages), [_fit(rows) for rows in history.by_network(results.history)]
    return templates.render(
        "page.html.j2",
        **(vars(results) | scores),
        languages=languages,
        figures=figures,
        cells=ablation.by_cell(results.comparison),
        cells_figure=cells,
        fits=fits,
        split_names=SPLITS,
        measures=counts.MEASURES,
        sourced=any(len(row["sources"]) > 1 for row in results.manifests["minutes"].values()),
        treatment=views.treatment(strategy),
        method=balance.METHODS[results.manifests["balance"]],
        leaks=sum(check["violations"] for check in results.leakage.values()),
        reasons=Counter(row.reason for row in results.rejected).most_common(),
        examples={row.reason: row for row in reversed(results.rejected)},
        leaves=leaves(results.params),
        picture=base64.b64encode(results.diagram).decode("ascii"),
    )


def leaves(tree: Mapping[str, Any], section: str = "") -> dict[str, str]:
    """Parameters by their full names, with values as in params.yaml.

    >>> leaves({"seed": 42, "mfcc": {"fmax": None}, "model": {"units": (64, 32)}})
    {'seed': '42', 'mfcc.fmax': 'null', 'model.units': '[64, 32]'}
    """
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and not section:
            found |= leaves(value, f"{section}{key}.")
        else:
            found[f"{section}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _fit(epochs: Sequence[EpochRow]) -> Fit:
    best = history.best_epoch(epochs)
    return Fit(epochs, best, curves("loss", epochs, best), curves("accuracy", epochs, best))


def _figures(results: Results, languages: Sequence[str]) -> dict[str, "Markup"]:
    minutes = {name: [results.splits[language][name]["minutes"] for language in languages] for name in SPLITS}
    shares = {
        measure: [results.manifests["minutes"][language][measure]["share"] for language in languages]
        for measure in counts.MEASURES
    }
    speech = [results.trim[language]["speech"] for language in languages]
    return {
        "minutes": stack("Minutes by language and split", languages, minutes),
        "balance": bars(
            "Share of each language in training: minutes before balancing, after it, and weighted", languages, shares
        ),
        "speech": bars("Share of speech by language", languages, {"speech": speech}),
    }
