"""The figures that several parts of the report share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.report.drawing import FAINT, INK, SERIES, blank, label, legend, styles, svg
from pipeline.rows import DetRow, EpochRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL_CHARACTERS = 14  # longer language names are shortened; the table next to a figure has the full name
DET_LIMITS = (0.005, 0.6)  # rates
DET_TICKS = (0.01, 0.05, 0.1, 0.2, 0.4)


def curves(metric: str, epochs: Sequence[EpochRow], best: EpochRow) -> str:
    """Draw a metric of training and validation over the epochs of one network, with the best epoch marked."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure, axes = blank(2.3)
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
    legend(figure, 3)
    first, last = epochs[0].epoch, epochs[-1].epoch
    return svg(figure, f"{metric} of training and validation, epochs {first} to {last}, best epoch {best.epoch}")


def bars(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Draw shares as bars with their values: one bar per language and series."""
    thickness = 0.8 / len(series)
    figure, axes = blank(0.45 + len(languages) * (0.2 + 0.16 * len(series)))
    for number, ((name, values), colour) in enumerate(zip(series.items(), SERIES, strict=False)):
        offset = (number - (len(series) - 1) / 2) * thickness
        places = [row + offset for row in range(len(languages))]
        drawn = axes.barh(places, values, thickness * 0.9, color=colour, label=name)
        axes.bar_label(drawn, [f"{value:.1%}" for value in values], padding=2)
    axes.set(xlim=(0, 1.1 * max([value for values in series.values() for value in values], default=1) or 1))
    return by_row(figure, title, languages)


def stack(title: str, languages: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Draw amounts as one bar per language, with the series end to end."""
    figure, axes = blank(0.65 + len(languages) * 0.3)
    left = [0.0] * len(languages)
    for (name, values), colour in zip(series.items(), SERIES[: len(series)], strict=True):
        axes.barh(range(len(languages)), values, 0.7, left, color=colour, label=name)
        left = [start + value for start, value in zip(left, values, strict=True)]
    return by_row(figure, title, languages)


def det(rows: Sequence[DetRow], languages: Sequence[str]) -> str:
    """Draw the miss rate over the false alarm rate of every language's detector, on normal deviate scales."""
    from scipy.stats import norm

    figure, axes = blank(2.8)
    for language, style in zip(languages, styles(), strict=False):
        rates = [(row.false_alarm, row.miss) for row in rows if row.language == language]
        places = norm.ppf(np.clip(rates, *DET_LIMITS))
        axes.plot(*places.T, **style, label=label(language, LABEL_CHARACTERS), linewidth=1)
    ends = norm.ppf(DET_LIMITS)
    axes.set(xlabel="false alarms", ylabel="misses", xlim=ends, ylim=ends)
    axes.fmt_xdata = axes.fmt_ydata = lambda place: f"{norm.cdf(place):.1%}"
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(norm.ppf(DET_TICKS), [f"{100 * tick:g} %" for tick in DET_TICKS])
    axes.grid(alpha=0.4)
    legend(figure, 3)
    return svg(figure, "Misses and false alarms by language")


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    axes_names: tuple[str, str],
    *,
    steps: bool = False,
    diagonal: bool = False,
) -> str:
    """Draw shares over a quantity, as a line of (quantity, share) per series; `diagonal`: over another share."""
    from matplotlib.ticker import PercentFormatter

    figure, axes = blank(2.4)
    shape = {"drawstyle": "steps-post"} if steps else {"marker": "o", "markersize": 2.5}
    for (name, values), style in zip(series.items(), styles(), strict=False):
        places = np.reshape(np.array(values, float), (-1, 2))
        axes.plot(*places.T, **style, **shape, label=label(name, LABEL_CHARACTERS), linewidth=1)
    axes.set(xlabel=axes_names[0], ylabel=axes_names[1], ylim=(-0.02, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    if diagonal:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, zorder=0)
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    else:
        axes.set_xlim(left=0)
    axes.grid(alpha=0.4)
    if len(series) > 1:
        legend(figure, 3)
    return svg(figure, title)


def histograms(
    title: str, unit: str, rows: Mapping[str, Mapping[str, Sequence[float]]], bins: NDArray[np.float64]
) -> str:
    """Draw distributions of a quantity: one row per language, one outline per series, scaled to the same height."""
    figure, panels = blank(0.6 + 0.4 * len(rows), len(rows), sharex=True, squeeze=False)
    for axes, (name, series) in zip(panels[:, 0], rows.items(), strict=True):
        for (of, values), colour in zip(series.items(), SERIES, strict=False):
            counts = np.histogram(np.clip(values, bins[0], bins[-1]), bins)[0]
            axes.stairs(counts / max(counts.max(), 1), bins, color=colour, label=of, linewidth=1)
        axes.set(ylim=(0, 1.1), yticks=[], ylabel=label(" ".join(name.split()), LABEL_CHARACTERS))
        axes.yaxis.label.set(rotation=0, horizontalalignment="right", verticalalignment="center")
        axes.spines["left"].set_visible(False)
    axes.set_xlabel(unit)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return svg(figure, title)


def by_row(figure: "Figure", title: str, names: Sequence[str], limit: int = LABEL_CHARACTERS) -> str:
    """Return a figure whose vertical axis has one name per row."""
    axes = figure.axes[0]
    axes.set_yticks(range(len(names)), [label(" ".join(name.split()), limit) for name in names])
    axes.fmt_ydata = lambda place: names[round(place)]
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    if axes.texts:  # every bar shows its value
        axes.set_xticks([])
    legend(figure, 3)
    return svg(figure, title)
