"""Figures of the report as SVG in the page's own colours."""

import html
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rows import DetRow, EpochRow

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

WIDTH_INCHES = 3.6  # text of 8 points is still readable on a phone, which shows a figure 328 pixels wide
LABEL_CHARACTERS = 14  # longer language names are shortened; the table next to a figure has the full name
WIDE_LABEL_CHARACTERS = 24  # if points need less room than bars with their values
DET_LIMITS = (0.005, 0.6)  # rates
DET_TICKS = (0.01, 0.05, 0.1, 0.2, 0.4)
# Matplotlib writes colours as numbers. These are replaced by the page's, which follow the light or dark setting.
INK, FAINT = "#000001", "#000002"
SERIES = ("#000011", "#000012", "#000013")
COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)"} | {name: f"var(--series{n})" for n, name in enumerate(SERIES)}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "report",  # the same identifiers in every run
    "text.parse_math": False,  # a dollar sign in a name is not markup
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


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib with the style of the page, independent of the user's settings."""
    import matplotlib.style

    with (
        matplotlib.style.context([], after_reset=True),
        matplotlib.rc_context(STYLE),  # type: ignore[arg-type]
        warnings.catch_warnings(),
    ):
        # Matplotlib's font, used to measure text, lacks some scripts; the browser has them.
        warnings.filterwarnings("ignore", "Glyph")
        yield


def _figure(height_inches: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


def curves(metric: str, epochs: Sequence[EpochRow], best: EpochRow) -> "Markup":
    """A metric of training and validation over the epochs of one network, with the best epoch marked."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = _figure(2.3)
    axes = figure.subplots()
    numbers = [row.epoch for row in epochs]
    for field, name, colour, line in (
        (metric, "train", SERIES[0], "-"),
        (f"val_{metric}", "validation", SERIES[1], "--"),
    ):
        values = [getattr(row, field) for row in epochs]
        axes.plot(numbers, values, line, color=colour, label=name, marker="o", markersize=2.5)
    axes.axvline(best.epoch, color=INK, linewidth=0.8, linestyle=":", label=f"best: epoch {best.epoch}")
    axes.set(xlabel="epoch", ylabel=metric, xlim=(numbers[0] - 0.5, numbers[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(axis="y", alpha=0.4)
    figure.legend(loc="outside upper left", ncols=3)
    first, last = epochs[0].epoch, epochs[-1].epoch
    return _svg(figure, f"{metric} of training and validation, epochs {first} to {last}, best epoch {best.epoch}")


def bars(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> "Markup":
    """Shares as bars with their values: one bar per language and series."""
    thickness = 0.8 / len(series)
    figure = _figure(0.45 + len(languages) * (0.2 + 0.16 * len(series)))
    axes = figure.subplots()
    for number, ((name, values), colour) in enumerate(zip(series.items(), SERIES, strict=False)):
        offset = (number - (len(series) - 1) / 2) * thickness
        places = [row + offset for row in range(len(languages))]
        drawn = axes.barh(places, values, thickness * 0.9, color=colour, label=name)
        axes.bar_label(drawn, [f"{value:.1%}" for value in values], padding=2)
    axes.set(xlim=(0, 1.1 * max([value for values in series.values() for value in values], default=1) or 1))
    return _by_row(figure, title, languages)


def stack(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> "Markup":
    """Amounts as one bar per language, with the series end to end."""
    figure = _figure(0.65 + len(languages) * 0.3)
    axes = figure.subplots()
    left = [0.0] * len(languages)
    for (name, values), colour in zip(series.items(), SERIES, strict=True):
        axes.barh(range(len(languages)), values, 0.7, left, color=colour, label=name)
        left = [start + value for start, value in zip(left, values, strict=True)]
    return _by_row(figure, title, languages)


def det(rows: Sequence[DetRow], languages: Sequence[str]) -> "Markup":
    """Rates of misses over those of false alarms of every language's detector, on scales of the normal distribution."""
    from scipy.stats import norm

    figure = _figure(2.8)
    axes = figure.subplots()
    for language, colour in zip(languages, itertools.cycle(SERIES), strict=False):
        rates = [(row.false_alarm, row.miss) for row in rows if row.language == language]
        places = norm.ppf(np.clip(rates, *DET_LIMITS))
        axes.plot(*places.T, color=colour, label=_label(language, LABEL_CHARACTERS), linewidth=1)
    ends = norm.ppf(DET_LIMITS)
    axes.set(xlabel="false alarms", ylabel="misses", xlim=ends, ylim=ends)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(norm.ppf(DET_TICKS), [f"{100 * tick:g} %" for tick in DET_TICKS])
    axes.grid(alpha=0.4)
    figure.legend(loc="outside upper left", ncols=3)
    return _svg(figure, "Misses and false alarms by language")


def points(title: str, labels: Sequence[str], series: Mapping[str, Sequence[tuple[float, float, float]]]) -> "Markup":
    """Shares as points with intervals: (share, low, high) per label and series."""
    from matplotlib.ticker import PercentFormatter

    figure = _figure(0.8 + len(labels) * (0.08 + 0.1 * len(series)))
    axes = figure.subplots()
    for number, ((name, values), colour) in enumerate(zip(series.items(), SERIES, strict=False)):
        offset = (number - (len(series) - 1) / 2) * 0.3
        places = [row + offset for row in range(len(labels))]
        axes.hlines(places, [low for _, low, _ in values], [high for *_, high in values], color=colour, linewidth=1)
        axes.plot([share for share, *_ in values], places, "o", color=colour, markersize=3, label=name)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(axis="x", alpha=0.4)
    return _by_row(figure, title, labels, WIDE_LABEL_CHARACTERS)


def _by_row(figure: "Figure", title: str, names: Sequence[str], limit: int = LABEL_CHARACTERS) -> "Markup":
    axes = figure.axes[0]
    axes.set_yticks(range(len(names)), [_label(" ".join(name.split()), limit) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    if axes.texts:  # every bar shows its value
        axes.set_xticks([])
    figure.legend(loc="outside upper left", ncols=3)
    return _svg(figure, title)


def _label(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _svg(figure: "Figure", title: str) -> "Markup":
    """A figure as an SVG element in the page's colours, with `title` for screen readers."""
    import matplotlib
    from markupsafe import Markup

    file = io.StringIO()
    # Matplotlib derives identifiers from content and salt: a salt per figure keeps them unique on the page.
    with matplotlib.rc_context({"svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = file.getvalue()
    # An element has no prologue and no style sheet; names of groups (axes_1) would not be unique on the page.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    head = f'<svg role="img" aria-label="{html.escape(title)}" viewBox='
    text = re.sub(r"<svg [^>]*?viewBox=(\"[^\"]*\")[^>]*>", lambda found: f"{head}{found[1]}>", text, count=1)
    for number, name in COLOURS.items():
        text = text.replace(number, name)
    return Markup(text.strip())  # noqa: S704 (matplotlib escapes the text in it)
