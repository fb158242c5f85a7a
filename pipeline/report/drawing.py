"""How figures are drawn: SVG in the page's own colours, the same bytes on every machine."""

import html
import io
import itertools
import json
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_INCHES = 3.6  # text of 8 points is still readable on a phone, which shows a figure 328 pixels wide
# Matplotlib writes colours as numbers. These are replaced by the page's, which follow the light or dark setting.
INK, FAINT, SHADE = "#000001", "#000002", "#000003"
SERIES = tuple(f"#00001{number}" for number in range(6))  # different lightness, for readers who see no colours
IDENTIFIER = r'(?<=["#])[hmp][0-9a-f]{10}(?=[")])'  # Matplotlib's, of hatches, markers and clip paths
HOVERED = 60  # points of a line whose values can be read
DASHES = ("-", "--", ":")  # for more series than colours
COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)", SHADE: "var(--shade)"} | {
    name: f"var(--series{number})" for number, name in enumerate(SERIES)
}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "",  # digests for identifiers, which `svg` replaces, instead of random numbers
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
    """Give Matplotlib the style of the page, independent of the user's settings."""
    import matplotlib.style

    with (
        matplotlib.style.context([], after_reset=True),
        matplotlib.rc_context(STYLE),  # type: ignore[arg-type]
        warnings.catch_warnings(),
    ):
        # Matplotlib's font, used to measure text, lacks some scripts; the browser has them.
        warnings.filterwarnings("ignore", "Glyph")
        yield


def blank(height_inches: float, rows: int = 1, **options: Any) -> tuple["Figure", Any]:
    """Return an empty figure of the common width, and its axes: an array of them if there are several rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    return figure, figure.subplots(rows, **options)


LIGHT = {
    "ink": "#1b1f24", "faint": "#b4bcc4", "shade": "#e3ebf3", "series0": "#0d3b66", "series1": "#c2500a",
    "series2": "#2f9273", "series3": "#7b2d8b", "series4": "#85870f", "series5": "#5b6670",
}  # fmt: skip


def standalone(figure: str, width: int = 640) -> str:
    """Return a figure as the content of an SVG file, in the page's light colours on white; `width` in pixels."""
    text = str(figure)  # Markup would escape what it is joined with
    for name, colour in LIGHT.items():
        text = text.replace(f"var(--{name})", colour)
    _, _, across, down = map(float, re.findall(r'viewBox="([^"]*)"', text)[0].split())
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{width * down / across:.0f}" '
    start, end = text.replace("<svg ", head, 1).split(">", 1)
    return f'{start}><rect width="100%" height="100%" fill="white"/>{end}\n'


def legend(figure: "Figure", columns: int) -> None:
    """Name the series above the axes, in as many columns as there is room for."""
    for number in range(columns, 0, -1):
        names = figure.legend(loc="outside upper left", ncols=number)
        if number == 1 or names.get_window_extent().width <= figure.bbox.width:
            break
        names.remove()


def styles() -> Iterator[dict[str, Any]]:
    """Yield colour and dashes of one line after the other; they repeat once all have been used."""
    return itertools.cycle({"color": colour, "linestyle": dash} for dash in DASHES for colour in SERIES)


def label(text: str, limit: int) -> str:
    """Shorten a name."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def points(figure: "Figure") -> list[tuple[float, float, str]]:
    """Return the points of the named lines of a figure that is drawn: places in its SVG, and the values in words."""
    from matplotlib.ticker import PercentFormatter

    def words(axis: Any, of: Any, value: float) -> str:
        share = isinstance(axis.get_major_formatter(), PercentFormatter)
        return f"{axis.get_label_text()} {of(value) if of else f'{value:.1%}' if share else f'{value:.3g}'}".strip()

    found, scale, height = [], 72 / figure.dpi, 72 * figure.get_figheight()
    for axes in figure.axes:
        for line in axes.lines:
            name, values = str(line.get_label()), np.asarray(line.get_xydata(), float)
            if name.startswith("_") or line.get_transform() != axes.transData:
                continue
            values = values[np.isfinite(values).all(axis=1)]
            values = values[:: -(-len(values) // HOVERED) or 1]
            for (x, y), (across, up) in zip(values, axes.transData.transform(values) * scale, strict=True):
                said = f"{words(axes.yaxis, axes.fmt_ydata, y)}, {words(axes.xaxis, axes.fmt_xdata, x)}"
                found.append((round(across, 1), round(height - up, 1), f"{name}: {said}"))
    return found


def svg(figure: "Figure", title: str) -> str:
    """Return a figure as an SVG element in the page's colours, with `title` for screen readers."""
    from markupsafe import Markup

    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    # Matplotlib's identifiers are digests of numbers whose last bits differ from run to run.
    own = dict[str, str]()
    prefix = f"id{zlib.crc32(title.encode())}-"  # one per figure of the page
    text = re.sub(IDENTIFIER, lambda found: own.setdefault(found[0], f"{prefix}{len(own)}"), file.getvalue())
    # An element has no prologue and no style sheet; names of groups (axes_1) would not be unique on the page.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    values = points(figure)
    hovered = f' data-points="{html.escape(json.dumps(values, ensure_ascii=False))}"' if values else ""
    head = f'<svg role="img" aria-label="{html.escape(title)}"{hovered} viewBox='
    text = re.sub(r"<svg [^>]*?viewBox=(\"[^\"]*\")[^>]*>", lambda found: f"{head}{found[1]}>", text, count=1)
    for number, name in COLOURS.items():
        text = text.replace(number, name)
    return Markup(text.strip())  # noqa: S704 (matplotlib escapes the text in it)
