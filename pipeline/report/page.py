"""The report: one self-contained page on the data, the training, the scores and what could be wrong with them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.dataset import balance, counts, views
from pipeline.report import ablation, answers, corpus, templates, verdict
from pipeline.report.answers import Answer
from pipeline.report.commit import Commit
from pipeline.report.drawing import drawing
from pipeline.report.examples import AudioExample
from pipeline.report.figures import bars, curves, stack
from pipeline.report.scores import values
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

TREES = {
    "metrics": "evaluation/metrics.json",
    "description": "streaming/streaming.json",
    "splits": "splits/summary.json",
    "search": "splits/search.json",
    "manifests": "manifests/summary.json",
    "trim": "trim/summary.json",
    "leakage": "audit/leakage.json",
    "speakers": "audit/speakers.json",
    "confounds": "audit/confounds.json",
    "ingest": "ingest/summary.json",
}
TABLES: dict[str, tuple[str, type[Any]]] = {
    "det": ("evaluation/det.csv", DetRow),
    "history": ("model/history.csv", EpochRow),
    "recordings": ("ingest/recordings.csv", RecordingRow),
    "rejected": ("ingest/rejected.csv", RejectedRow),
}
"""Files below artifacts/ that fields of `Results` hold as they are."""


@dataclass(frozen=True)
class Results:
    """Results of the earlier stages: the files of `TREES` and `TABLES`, and the following.

    Attributes
    ----------
    params
        The sections of params.yaml.
    equality
        Rows of streaming/equality.csv; none if the model can't stream.
    answers
        Answers to the test recordings.
    split_rows
        Rows of each splits/*.csv.
    examples
        Test recordings to listen to.
    corpus_id, synthetic
        Id of the list of files; True if it holds the demo's voices.
    usual
        Ranges of runs of the demo with the default parameters, from demo/results.json.
    provenance
        The last commit, if there is one.
    comparison
        Rows of ablation/table.csv for this corpus.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    description: Mapping[str, Any]
    splits: Mapping[str, Any]
    search: Mapping[str, Any]
    manifests: Mapping[str, Any]
    trim: Mapping[str, Any]
    leakage: Mapping[str, Any]
    speakers: Mapping[str, Any]
    confounds: Mapping[str, Any]
    ingest: Mapping[str, Any]
    det: Sequence[DetRow]
    history: Sequence[EpochRow]
    recordings: Sequence[RecordingRow]
    rejected: Sequence[RejectedRow]
    equality: Sequence[EqualityRow]
    answers: Sequence[Answer]
    split_rows: Mapping[str, Sequence[SplitRow]]
    examples: Sequence[AudioExample]
    corpus_id: str
    synthetic: bool
    usual: Mapping[str, Any] | None = None
    provenance: Commit | None = None
    comparison: Sequence[ComparisonRow] = ()


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
    leaks = sum(check["violations"] for check in results.leakage.values())
    minutes = results.manifests["minutes"]
    trained_on = {name: list(row["sources"]) for name, row in minutes.items()}
    speakers = answers.speakers(results.answers)
    return templates.render(
        "page.html.j2",
        **(vars(results) | values(languages, results.metrics, given, results.det, strategy)),
        **_drawn(results, languages),
        languages=languages,
        layers=layers(results.params, results.description["classes"]),
        weakest=verdict.weakest(results.metrics, given, leaks, results.speakers, trained_on, results.confounds),
        majority=verdict.majority(given, languages),
        previous=results.provenance.scores if results.provenance else {},
        worst=answers.worst(results.answers),
        n_wrong=sum(not answer.right for answer in results.answers),
        speakers_shown=speakers[: answers.SPEAKERS],
        n_speakers=len(speakers),
        cells=ablation.by_cell(results.comparison),
        split_names=SPLITS,
        sources=corpus.sources(results.split_rows),
        measures=counts.MEASURES,
        sourced=any(len(row["sources"]) > 1 for row in minutes.values()),
        policy=views.policy(strategy),
        method=balance.METHODS[results.manifests["balance"]],
        leaks=leaks,
        reasons=Counter(row.reason for row in results.rejected).most_common(),
        first_rejected={row.reason: row for row in reversed(results.rejected)},
        leaves=leaves(results.params),
    )


def layers(params: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Return the layers of the network from the features to the posteriors, in words.

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
    """Return parameters by their full names, with values as in params.yaml.

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


def _drawn(results: Results, languages: Sequence[str]) -> dict[str, Any]:
    """Draw every figure that only the report has."""
    minutes = {name: [results.splits[language][name]["minutes"] for language in languages] for name in SPLITS}
    shares = {
        measure: [results.manifests["minutes"][language][measure]["share"] for language in languages]
        for measure in counts.MEASURES
    }
    speech = {"speech": [results.trim[language]["speech"] for language in languages]}
    balanced = "Share of each language in training: minutes before balancing, after it, and weighted"
    networks = [(epochs, history.best_epoch(epochs)) for epochs in history.by_network(results.history)]
    with drawing():
        return {
            "figures": {
                "minutes": stack("Minutes by language and split", languages, minutes),
                "balance": bars(balanced, languages, shares),
                "speech": bars("Share of speech by language", languages, speech),
            },
            "fits": [
                {"epochs": epochs, "best": best}
                | {metric: curves(metric, epochs, best) for metric in ("loss", "accuracy")}
                for epochs, best in networks
            ],
            "reliability": answers.reliability(results.answers, languages),
            "after": answers.after(results.metrics["after"]),
            "until_right": answers.until_right(results.answers),
            "drift": answers.drift(results.metrics["stream"]["drift_by_minute"]),
            "quality": corpus.quality(results.recordings, results.split_rows, languages),
            "cells_figure": ablation.figure(results.comparison) if results.comparison else None,
        }
