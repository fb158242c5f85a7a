"""The report: one self-contained page of what was trained on what, how well it answers and what could be wrong."""

import base64
import html
import io
import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from pipeline.splits import NAMES
from pipeline.tables import Answer, Epoch, Rejected

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

WIDTH = 3.6  # inches of a figure: at 8 points, text is readable where a phone shows it 328 pixels wide
LABEL = 14  # characters of a language that a figure shows; its table shows all

# Matplotlib writes colours as numbers: these stand for the page's, which follow the reader's light or dark setting.
INK, FAINT = "#000001", "#000002"
SERIES = ("#000011", "#000012", "#000013")
COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)"} | {name: f"var(--series{n})" for n, name in enumerate(SERIES)}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "report",  # identifiers that do not differ from run to run
    "text.parse_math": False,  # a dollar in a name is a dollar
    "text.color": INK,
    "font.size": 8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}

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
    answers: Sequence[Answer]
    history: Sequence[Epoch]
    splits: Mapping[str, Any]
    manifests: Mapping[str, Any]
    trim: Mapping[str, Any]
    leakage: Mapping[str, Any]
    rejected: Sequence[Rejected]
    network: bytes


@dataclass(frozen=True)
class Fit:
    """How one network was fitted: its rows of the history, the best of them, and its curves as SVG."""

    epochs: Sequence[Epoch]
    best: Epoch
    loss: "Markup"
    accuracy: "Markup"


def page(results: Results) -> str:
    """Write the report.

    Returns
    -------
    HTML that loads nothing, the same bytes for the same results. Names of files and languages are text, never markup.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(resources.files("pipeline").joinpath("report.html.j2").read_text("utf-8"))
    languages = results.params["corpus"]["languages"]
    with _drawing():
        figures, fits = _figures(results, languages), [_fit(rows) for rows in _by_member(results.history)]
    return template.render(
        vars(results),
        languages=languages,
        right=sum(row.actual == row.predicted for row in results.answers),
        confusion=confusion(results.answers, languages),
        figures=figures,
        fits=fits,
        names=NAMES,
        shares={key: _shares(results.manifests["train"], languages, key) for key in ("frames", "weighed")},
        view=VIEWS[results.params["silence"]["strategy"]],
        leaks=sum(check["violations"] for check in results.leakage.values()),
        reasons=Counter(row.reason for row in results.rejected).most_common(),
        examples={row.reason: row for row in reversed(results.rejected)},
        leaves=leaves(results.params),
        picture=base64.b64encode(results.network).decode("ascii"),
    )


def confusion(answers: Sequence[Answer], languages: Sequence[str]) -> dict[str, dict[str, int]]:
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


def best_epoch(epochs: Sequence[Epoch]) -> Epoch:
    """The epoch whose weights were kept: the first with the lowest validation loss."""
    return min(epochs, key=lambda row: (math.isnan(row.val_loss), row.val_loss))


def _by_member(history: Sequence[Epoch]) -> list[list[Epoch]]:
    return [[row for row in history if row.member == member] for member in sorted({row.member for row in history})]


def _shares(counts: Mapping[str, Any], languages: Sequence[str], key: str) -> list[float]:
    """Of each language in the sum over all, 0 where that is 0."""
    total = sum(counts[language][key] for language in languages) or 1
    return [counts[language][key] / total for language in languages]


def _fit(epochs: Sequence[Epoch]) -> Fit:
    best = best_epoch(epochs)
    return Fit(epochs, best, _curves("loss", epochs, best), _curves("accuracy", epochs, best))


def _figures(results: Results, languages: Sequence[str]) -> dict[str, "Markup"]:
    recall, eer = ([results.metrics[key][language] for language in languages] for key in ("recall", "eer"))
    minutes = {name: [results.splits[language][name]["minutes"] for language in languages] for name in NAMES}
    train = {language: results.splits[language]["train"] for language in languages}
    return {
        "recall": _bars("Recall and equal error rate by language", languages, {"recall": recall, "EER": eer}),
        "minutes": _stack("Minutes by language and split", languages, minutes),
        "balance": _bars(
            "Share of each language in training: minutes recorded, frames in the manifest, weighed frames",
            languages,
            {
                "minutes": _shares(train, languages, "minutes"),
                "frames": _shares(results.manifests["train"], languages, "frames"),
                "weighed": _shares(results.manifests["train"], languages, "weighed"),
            },
        ),
        "speech": _bars(
            "Share of speech by language", languages, {"speech": [results.trim[name]["speech"] for name in languages]}
        ),
    }


@contextmanager
def _drawing() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's are, with the style of the page."""
    import matplotlib.style

    with (
        matplotlib.style.context([], after_reset=True),
        matplotlib.rc_context(STYLE),  # type: ignore[arg-type]
        warnings.catch_warnings(),
    ):
        # It measures text in a font that lacks some scripts; the browser has others.
        warnings.filterwarnings("ignore", "Glyph")
        yield


def _figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def _curves(what: str, epochs: Sequence[Epoch], best: Epoch) -> "Markup":
    """Training and validation over the epochs of one network, the best epoch marked."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = _figure(2.3)
    axes = figure.subplots()
    numbers = [row.epoch for row in epochs]
    for field, name, colour, line in ((what, "train", SERIES[0], "-"), (f"val_{what}", "validation", SERIES[1], "--")):
        values = [getattr(row, field) for row in epochs]
        axes.plot(numbers, values, line, color=colour, label=name, marker="o", markersize=2.5)
    axes.axvline(best.epoch, color=INK, linewidth=0.8, linestyle=":", label=f"best: epoch {best.epoch}")
    axes.set(xlabel="epoch", ylabel=what, xlim=(numbers[0] - 0.5, numbers[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if what == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(axis="y", alpha=0.4)
    figure.legend(loc="outside upper left", ncols=3)
    first, last = epochs[0].epoch, epochs[-1].epoch
    return _svg(figure, f"{what} of training and validation, epochs {first} to {last}, best epoch {best.epoch}")


def _bars(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> "Markup":
    """Shares as bars, one of each series a language, each with its number."""
    thickness = 0.8 / len(series)
    figure = _figure(0.45 + len(languages) * (0.2 + 0.16 * len(series)))
    axes = figure.subplots()
    for number, ((name, values), colour) in enumerate(zip(series.items(), SERIES, strict=False)):
        places = [place + (number - (len(series) - 1) / 2) * thickness for place in range(len(languages))]
        drawn = axes.barh(places, values, thickness * 0.9, color=colour, label=name)
        axes.bar_label(drawn, [f"{value:.1%}" for value in values], padding=2)
    axes.set(xlim=(0, 1.1 * max([value for values in series.values() for value in values], default=1) or 1))
    return _by_language(figure, title, languages)


def _stack(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> "Markup":
    """Amounts as one bar a language, series end to end."""
    figure = _figure(0.65 + len(languages) * 0.3)
    axes = figure.subplots()
    left = [0.0] * len(languages)
    for (name, values), colour in zip(series.items(), SERIES, strict=True):
        axes.barh(range(len(languages)), values, 0.7, left, color=colour, label=name)
        left = [start + value for start, value in zip(left, values, strict=True)]
    return _by_language(figure, title, languages)


def _by_language(figure: "Figure", title: str, languages: Sequence[str]) -> "Markup":
    axes = figure.axes[0]
    names = [" ".join(name.split()) for name in languages]
    axes.set_yticks(range(len(names)), [name if len(name) <= LABEL else name[: LABEL - 1] + "…" for name in names])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    if axes.texts:  # every bar has its number
        axes.set_xticks([])
    figure.legend(loc="outside upper left", ncols=3)
    return _svg(figure, title)


def _svg(figure: "Figure", title: str) -> "Markup":
    """A figure as an element of a page, in the page's colours."""
    import matplotlib
    from markupsafe import Markup

    file = io.StringIO()
    # Identifiers are made from the salt and what they name: its own salt keeps each figure's apart from the others'.
    with matplotlib.rc_context({"svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = file.getvalue()
    # The prologue and the style sheet are a document's; groups' names (axes_1) would recur from figure to figure.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    head = f'<svg role="img" aria-label="{html.escape(title)}" viewBox='
    text = re.sub(r"<svg [^>]*?viewBox=(\"[^\"]*\")[^>]*>", lambda found: f"{head}{found[1]}>", text, count=1)
    for number, name in COLOURS.items():
        text = text.replace(number, name)
    return Markup(text.strip())  # noqa: S704 (matplotlib escapes the text in it)
