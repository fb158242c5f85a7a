"""The report: one self-contained page on the data, the training, the scores and what could be wrong with them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.dataset import balance, counts, views
from pipeline.report import ablation, answers, corpus, templates, verdict
from pipeline.report.answers import Answer
from pipeline.report.commit import Commit
from pipeline.report.drawing import drawing
from pipeline.report.examples import Card
from pipeline.report.figures import bars, curves, stack
from pipeline.report.scores import Scores, values
from pipeline.rows import (
    SPLITS,
    AnswerRow,
    ComparisonRow,
    DetRow,
    EpochRow,
    EqualityRow,
    RecordingRow,
    RejectedRow,
    SplitRow,
)
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
    description, equality
        streaming/streaming.json, and the rows of streaming/equality.csv.
    answers, det, history, rejected, recordings
        Answers to the test recordings; rows of evaluation/det.csv, model/history.csv, ingest/rejected.csv and
        ingest/recordings.csv.
    split_rows
        Rows of each splits/*.csv.
    cards
        Test recordings to listen to.
    corpus_id, synthetic
        Id of the list of files; whether the demo's voices are in it.
    usual
        Ranges of runs of the demo with the default parameters, from demo/results.json.
    provenance
        The last commit, if there is one.
    comparison
        Rows of ablation/table.csv for this corpus; none if there are none.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    description: Mapping[str, Any]
    equality: Sequence[EqualityRow]
    answers: Sequence[Answer]
    det: Sequence[DetRow]
    history: Sequence[EpochRow]
    splits: Mapping[str, Any]
    split_rows: Mapping[str, Sequence[SplitRow]]
    search: Mapping[str, Any]
    manifests: Mapping[str, Any]
    trim: Mapping[str, Any]
    leakage: Mapping[str, Any]
    speakers: Mapping[str, Any]
    confounds: Mapping[str, Any]
    ingest: Mapping[str, Any]
    rejected: Sequence[RejectedRow]
    recordings: Sequence[RecordingRow]
    cards: Sequence[Card]
    corpus_id: str
    synthetic: bool
    usual: Mapping[str, Any] | None = None
    provenance: Commit | None = None
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
    given = [AnswerRow(answer.row.language, answer.decision.predicted) for answer in results.answers]
    scores = values(Scores(languages, results.metrics, given, results.det, strategy))
    leaks = sum(check["violations"] for check in results.leakage.values())
    trained_on = {name: list(row["sources"]) for name, row in results.manifests["minutes"].items()}
    heard = answers.speakers(results.answers)
    with drawing():
        drawn = _drawn(results, languages)
    return templates.render(
        "page.html.j2",
        **(vars(results) | scores | drawn),
        languages=languages,
        layers=layers(results.params, results.description["classes"]),
        weakest=verdict.weakest(results.metrics, given, leaks, results.speakers, trained_on, results.confounds),
        majority=verdict.majority(given, languages),
        previous=results.provenance.scores if results.provenance else {},
        worst=answers.worst(results.answers),
        n_wrong=sum(not answer.right for answer in results.answers),
        speakers_shown=heard[: answers.SPEAKERS],
        n_speakers=len(heard),
        cells=ablation.by_cell(results.comparison),
        split_names=SPLITS,
        sources=corpus.sources(results.split_rows),
        measures=counts.MEASURES,
        sourced=any(len(row["sources"]) > 1 for row in results.manifests["minutes"].values()),
        policy=views.policy(strategy),
        method=balance.METHODS[results.manifests["balance"]],
        leaks=leaks,
        reasons=Counter(row.reason for row in results.rejected).most_common(),
        first_rejected={row.reason: row for row in reversed(results.rejected)},
        leaves=leaves(results.params),
    )


def layers(params: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """The layers of the network from the features to the posteriors, in words.

    >>> model = {"cell": "gru", "units": [64, 32], "dense": [100], "cmvn": "mean", "deltas": 0}
    >>> layers({"mfcc": {"n_mfcc": 64}, "model": model}, ["english", "hindi"])
    ['64 MFCCs', 'running mean', 'GRU 64', 'GRU 32', 'dense 100', 'softmax 2']
    """
    model = params["model"]
    front_end = {"none": [], "mean": ["running mean"], "mean_variance": ["running mean and variance"]}[model["cmvn"]]
    return [
        f"{params['mfcc']['n_mfcc']} MFCCs",
        *front_end,
        *(["deltas"] if model["deltas"] else []),
        *(f"{model['cell'].upper()} {units}" for units in model["units"]),
        *(f"dense {units}" for units in model["dense"]),
        f"softmax {len(classes)}",
    ]


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


def _drawn(results: Results, languages: Sequence[str]) -> dict[str, Any]:
    """Everything that is drawn; call it inside `drawing()`."""
    stream = results.metrics["stream"]
    return {
        "figures": _figures(results, languages),
        "fits": [_fit(rows) for rows in history.by_network(results.history)],
        "reliability": answers.reliability(results.answers, languages),
        "after": answers.after(results.metrics["after"]),
        "until_right": answers.until_right(results.answers),
        "drift": answers.drift(stream["drift_by_minute"]),
        "quality": corpus.quality(results.recordings, results.split_rows, languages),
        "cells_figure": ablation.figure(results.comparison) if results.comparison else None,
    }


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
