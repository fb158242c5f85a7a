"""Self-contained pages: the report on data, training and scores, the scores of `lid evaluate`, and DVC's plots."""

import base64
import hashlib
import json
import operator
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import params, rows
from pipeline.dataset import balance, counts, views
from pipeline.report import ablation, answers, corpus, names, verdict
from pipeline.report.answers import Answer
from pipeline.report.commit import Commit
from pipeline.report.drawing import drawing
from pipeline.report.examples import AudioExample
from pipeline.report.figures import bars, curves, det, stack
from pipeline.scoring import metrics
from pipeline.training import history

FILES: Mapping[str, tuple[str, type[Any] | None]] = {
    "metrics": ("evaluation/metrics.json", None),
    "description": ("streaming/streaming.json", None),
    "splits": ("splits/summary.json", None),
    "search": ("splits/search.json", None),
    "manifests": ("manifests/summary.json", None),
    "trim": ("trim/summary.json", None),
    "leakage": ("audit/leakage.json", None),
    "speakers": ("audit/speakers.json", None),
    "confounds": ("audit/confounds.json", None),
    "ingest": ("ingest/summary.json", None),
    "det": ("evaluation/det.csv", rows.DetRow),
    "history": ("model/history.csv", rows.EpochRow),
    "recordings": ("ingest/recordings.csv", rows.RecordingRow),
    "rejected": ("ingest/rejected.csv", rows.RejectedRow),
}
"""Files below artifacts/ that the page shows as they are: JSON, or the rows of a table."""
CURVES = 6  # of many languages
VEGA_LITE = "5.21"  # DVC's plots are written for Vega-Lite 5


@dataclass(frozen=True)
class Results:
    """Results of the earlier stages."""

    params: Mapping[str, Any]  # the sections of params.yaml
    files: Mapping[str, Any]  # the contents of `FILES` by name
    equality: Sequence[rows.EqualityRow]  # of streaming/equality.csv; none if the model can't stream
    answers: Sequence[Answer]  # to the test recordings
    split_rows: Mapping[str, Sequence[rows.SplitRow]]  # of each splits/*.csv
    examples: Sequence[AudioExample]  # test recordings to listen to
    corpus_id: str  # of the list of files
    synthetic: bool  # True if it holds the demo's voices
    usual: Mapping[str, Any] | None = None  # ranges of runs of the demo with the default parameters: demo/results.json
    provenance: Commit | None = None  # the last commit, if there is one
    comparison: Sequence[rows.ComparisonRow] = ()  # of ablation/table.csv, for this corpus
    further_speakers: Collection[str] = ()  # names that sentences may hold: of held-out and rejected recordings
    further_recordings: Collection[str] = ()


def render(results: Results) -> str:
    """Render the report as HTML that loads nothing: the same bytes for the same results.

    Names of files and languages are text, never markup.
    """
    files, settings = results.files, results.params
    strategy = settings["silence"]["strategy"]
    languages = metrics.ranked(files["description"]["languages"], files["metrics"]["recall"])
    given = [rows.AnswerRow(answer.row.language, answer.decision.predicted) for answer in results.answers]
    minutes = files["manifests"]["minutes"]
    trained_on = {name: list(row["sources"]) for name, row in minutes.items()}
    return from_template(
        "page.html.j2",
        **(vars(results) | dict(files) | scores(languages, files["metrics"], given, files["det"], strategy)),
        **_drawn(results, languages),
        said=_names(results),
        languages=languages,
        layers=layers(settings, files["description"]["classes"]),
        weakest=verdict.weakest(files["metrics"], given, files["speakers"], trained_on, files["confounds"]),
        majority=verdict.majority(given, languages),
        by_speaker=answers.speakers(results.answers),
        cells=ablation.by_cell(results.comparison),
        split_names=rows.SPLITS,
        sources=corpus.sources(results.split_rows),
        measures=counts.MEASURES,
        sourced=any(len(row["sources"]) > 1 for row in minutes.values()),
        policy=views.policy(strategy),
        method=balance.METHODS[files["manifests"]["balance"]],
        reasons=Counter(row.reason for row in files["rejected"]).most_common(),
        first_rejected={row.reason: row for row in reversed(files["rejected"])},
        leaves=leaves(settings),
    )


def scores(
    languages: Sequence[str],
    found: Mapping[str, Any],
    given: Sequence[rows.AnswerRow],
    rates: Sequence[rows.DetRow],
    strategy: params.SilenceStrategy,
) -> dict[str, Any]:
    """Return the values of result.html.j2, languages.html.j2 and durations.html.j2 by name.

    They are made of the languages spoken in the test set, the content of evaluation/metrics.json, the rows of
    evaluation/confusion.csv and evaluation/det.csv, and the model's strategy for silence.
    """
    actual, predicted = [row.actual for row in given], [row.predicted for row in given]
    spoken, few = metrics.ranked(languages, found["recall"]), len(languages) <= metrics.MANY
    drawn, shown = spoken[: metrics.MANY], {"recall": "recall", "eer": "EER"}
    bars_of = {name: [found[key][language] for language in drawn] for key, name in shown.items() if key in found}
    with drawing():
        return {
            "metrics": found,
            "spoken": spoken,
            "drawn": drawn,
            "n_correct": sum(map(operator.eq, actual, predicted)),
            "confusion": metrics.confusion(actual, predicted, languages) if few else None,
            "largest": None if few else metrics.confusions(actual, predicted),
            "silent_frames_count": views.policy(strategy).weighted,
            "by_language": bars(f"{' and '.join(bars_of)} by language", drawn, bars_of),
            "det_curves": det(rates, drawn if few else drawn[:CURVES]) if rates else None,
        }


def from_template(template: str, room: str = "pipeline.report", **values: Any) -> str:
    """Render a template in html/ of a room, which may extend one of the report; the same bytes for the same values."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, "html") for name in {room: 0, "pipeline.report": 0}]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sha256"] = lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return environment.get_template(template).render(**values)


def dvc_plots() -> str:
    """Return the page for DVC's setting `plots.html_template`, with Vega's scripts from an installed package.

    It has DVC's placeholders except ``{scripts}``, which DVC would replace by links to scripts on the web.
    """
    import vl_convert

    scripts = vl_convert.javascript_bundle(from_template("dvc_plots.js.j2"), vl_version=VEGA_LITE)
    return from_template("dvc_plots.html.j2", scripts=scripts)


def layers(settings: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Return the layers of the network from the features to the posteriors, in words.

    >>> model = {"cepstra": 20, "cell": "gru", "stride": 3, "units": [64, 32], "dense": [100]}
    >>> layers({"mfcc": {"n_mfcc": 64}, "model": model}, ["english", "hindi"])
    ['20 of 64 MFCCs', 'GRU 64 at one frame of 3', 'GRU 32', 'dense 100', 'softmax 2']
    """
    model, given = settings["model"], settings["mfcc"]["n_mfcc"]
    seen = model["cepstra"] or given
    recurrent = [f"{model['cell'].upper()} {units}" for units in model["units"]]
    if model["cell"] == "gru" and model["stride"] > 1:
        recurrent[0] += f" at one frame of {model['stride']}"
    return [
        f"{seen} of {given} MFCCs" if seen < given else f"{given} MFCCs",
        *recurrent,
        *(f"dense {units}" for units in model["dense"]),
        f"softmax {len(classes)}",
    ]


def leaves(tree: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters by their full names, with values as in params.yaml.

    >>> leaves({"seed": 42, "mfcc": {"fmax": None}, "model": {"units": (64, 32)}})
    {'seed': '42', 'mfcc.fmax': 'null', 'model.units': '[64, 32]'}
    """
    found = {}
    for section, keys in tree.items():
        for key, value in keys.items() if isinstance(keys, Mapping) else [("", keys)]:
            name = f"{section}.{key}" if key else section
            found[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _names(results: Results) -> Callable[[str], str]:
    listed: list[Any] = [row for part in results.split_rows.values() for row in part] + results.files["recordings"]
    listed += [answer.row for answer in results.answers]
    largest = [name for row in results.files["manifests"]["minutes"].values() for name in row["largest_speakers"]]
    speakers = [*(row.speaker for row in listed), *largest, *results.further_speakers]
    recordings = [*(row.recording for row in listed), *results.further_recordings]
    return names.shown(speakers, recordings, hidden=not results.params["report"]["speakers"])


def _drawn(results: Results, languages: Sequence[str]) -> dict[str, Any]:
    """Draw every figure that only the report has, of some languages."""
    files, drift = results.files, results.files["metrics"]["stream"]["drift_by_minute"]
    curved = languages if len(languages) <= metrics.MANY else languages[:CURVES]
    languages = languages[: metrics.MANY]
    trained = files["manifests"]["minutes"]
    minutes = {name: [files["splits"][language][name]["minutes"] for language in languages] for name in rows.SPLITS}
    shares = {name: [trained[language][name]["share"] for language in languages] for name in counts.MEASURES}
    speech = {"speech": [files["trim"][language]["speech"] for language in languages]}
    balanced = "Share of each language in training: minutes before balancing, after it, and weighted"
    networks = [(epochs, history.best_epoch(epochs)) for epochs in history.by_network(files["history"])]
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
            "reliability": answers.reliability(results.answers, curved),
            "after": answers.after(files["metrics"]["after"]),
            "until_right": answers.until_right(results.answers),
            "drift": answers.drift({name: drift[name] for name in curved if name in drift}),
            "quality": corpus.quality(files["recordings"], results.split_rows, languages),
            "cells_figure": ablation.figure(results.comparison) if results.comparison else None,
        }
