"""The report: one self-contained page of what was trained on what, how well it answers and what could be wrong."""

import base64
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from pipeline.report.figures import bars, curves, drawing, stack
from pipeline.tables import SPLITS, AnswerRow, EpochRow, RejectedRow

if TYPE_CHECKING:
    from markupsafe import Markup
VIEWS = {
    "none": "every frame is seen, and counts, as its recording's language",
    "remove": "the network sees the speech frames only, joined",
    "mask": "the network sees every frame, and silent ones weigh nothing",
    "label": "silent frames are a class of their own, silence",
}


@dataclass(frozen=True)
class Results:
    """What the stages before this one wrote.

    Attributes
    ----------
    params
        The sections of params.yaml.
    metrics, splits, manifests, trim, leakage
        evaluation/metrics.json, splits/summary.json, manifests/summary.json, trim/summary.json and audit/leakage.json.
    answers, history, rejected
        Rows of evaluation/confusion.csv, model/history.csv and ingest/rejected.csv.
    network
        model/model.png.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    answers: Sequence[AnswerRow]
    history: Sequence[EpochRow]
    splits: Mapping[str, Any]
    manifests: Mapping[str, Any]
    trim: Mapping[str, Any]
    leakage: Mapping[str, Any]
    rejected: Sequence[RejectedRow]
    network: bytes


@dataclass(frozen=True)
class Fit:
    """How one network was fitted: its rows of the history, the best of them, and its curves as SVG."""

    epochs: Sequence[EpochRow]
    best: EpochRow
    loss: "Markup"
    accuracy: "Markup"


def render(results: Results) -> str:
    """Write the report.

    Returns
    -------
    HTML that loads nothing, the same bytes for the same results. Names of files and languages are text, never markup.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(resources.files("pipeline.report").joinpath("page.html.j2").read_text("utf-8"))
    languages = results.params["corpus"]["languages"]
    with drawing():
        figures, fits = _figures(results, languages), [_fit(rows) for rows in _by_member(results.history)]
    return template.render(
        vars(results),
        languages=languages,
        right=sum(row.actual == row.predicted for row in results.answers),
        confusion=confusion(results.answers, languages),
        figures=figures,
        fits=fits,
        names=SPLITS,
        shares={key: _shares(results.manifests["train"], languages, key) for key in ("frames", "weighed")},
        view=VIEWS[results.params["silence"]["strategy"]],
        leaks=sum(check["violations"] for check in results.leakage.values()),
        reasons=Counter(row.reason for row in results.rejected).most_common(),
        examples={row.reason: row for row in reversed(results.rejected)},
        leaves=leaves(results.params),
        picture=base64.b64encode(results.network).decode("ascii"),
    )


def confusion(answers: Sequence[AnswerRow], languages: Sequence[str]) -> dict[str, dict[str, int]]:
    """Recordings by what they are, then by what they are called.

    Languages come first, in their order; then whatever else was answered, such as `undecided`.
    """
    counts = Counter((row.actual, row.predicted) for row in answers)
    rows = dict.fromkeys([*languages, *sorted(row.actual for row in answers)])
    columns = dict.fromkeys([*languages, *sorted(row.predicted for row in answers)])
    return {actual: {predicted: counts[actual, predicted] for predicted in columns} for actual in rows}


def leaves(tree: Mapping[str, Any], section: str = "") -> dict[str, str]:
    """Parameters by their full names, values as params.yaml writes them.

    >>> leaves({"seed": 42, "mfcc": {"fmax": None}, "model": {"units": (64, 32)}})
    {'seed': '42', 'mfcc.fmax': 'null', 'model.units': '[64, 32]'}
    """
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= leaves(value, f"{section}{key}.")
        else:
            found[f"{section}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def best_epoch(epochs: Sequence[EpochRow]) -> EpochRow:
    """The epoch whose weights were kept: the first with the lowest validation loss."""
    return min(epochs, key=lambda row: (math.isnan(row.val_loss), row.val_loss))


def _by_member(history: Sequence[EpochRow]) -> list[list[EpochRow]]:
    return [[row for row in history if row.member == member] for member in sorted({row.member for row in history})]


def _shares(counts: Mapping[str, Any], languages: Sequence[str], key: str) -> list[float]:
    """Of each language in the sum over all, 0 where that is 0."""
    total = sum(counts[language][key] for language in languages) or 1
    return [counts[language][key] / total for language in languages]


def _fit(epochs: Sequence[EpochRow]) -> Fit:
    best = best_epoch(epochs)
    return Fit(epochs, best, curves("loss", epochs, best), curves("accuracy", epochs, best))


def _figures(results: Results, languages: Sequence[str]) -> dict[str, "Markup"]:
    recall, eer = ([results.metrics[key][language] for language in languages] for key in ("recall", "eer"))
    minutes = {name: [results.splits[language][name]["minutes"] for language in languages] for name in SPLITS}
    train = {language: results.splits[language]["train"] for language in languages}
    return {
        "recall": bars("Recall and equal error rate by language", languages, {"recall": recall, "EER": eer}),
        "minutes": stack("Minutes by language and split", languages, minutes),
        "balance": bars(
            "Share of each language in training: minutes recorded, frames in the manifest, weighed frames",
            languages,
            {
                "minutes": _shares(train, languages, "minutes"),
                "frames": _shares(results.manifests["train"], languages, "frames"),
                "weighed": _shares(results.manifests["train"], languages, "weighed"),
            },
        ),
        "speech": bars(
            "Share of speech by language", languages, {"speech": [results.trim[name]["speech"] for name in languages]}
        ),
    }
