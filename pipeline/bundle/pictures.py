"""Figures as PNG: text in any script is shaped by matplotlib, in the fonts of this machine."""

import functools
import html
import re
from collections.abc import Iterable
from contextlib import suppress

import langcodes
import vl_convert
from matplotlib import font_manager
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath, text_to_path

from pipeline.corpus.languages import tag_of
from pipeline.report.drawing import drawing, label
from pipeline.report.figures import LABEL_CHARACTERS

PIXELS_PER_UNIT = 2
FONTS = "fonts-freefont-ttf fonts-wqy-microhei"  # Debian packages, 12 MB: nearly all scripts in use
COMMANDS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}


def png(picture: str) -> bytes:
    """Return a figure in SVG as PNG. A name that no installed font can draw is in English, or escaped and shortened."""
    with drawing():
        readable = re.sub(r'<text style="([^"]*)"([^>]*)>([^<>]+)</text>', _readable, picture)
    return vl_convert.svg_to_png(readable, scale=PIXELS_PER_UNIT)


def advice(texts: Iterable[str]) -> str:
    """Return a sentence that names a character without an installed font, and what to install; empty if none is."""
    first, *others = sorted(families("".join(texts))[1]) or [""]
    more = f" and {len(others)} others" if others else ""
    return first and f"no installed font has {first!r}{more}; install fonts that do: apt-get install {FONTS}"


def families(text: str) -> tuple[list[str], set[str]]:
    """Return the fonts for the characters of a text that are not ASCII, and the characters that no font has."""
    found, lacking = [], {character for character in text if not character.isascii() and character.isprintable()}
    for path in _files():
        if not lacking:
            break
        with suppress(OSError, RuntimeError):  # of another kind than FreeType reads
            font = font_manager.get_font(path)
            if has := {character for character in lacking if font.get_char_index(ord(character))}:
                font_manager.fontManager.addfont(path)
                found.append(font.family_name)
                lacking -= has
    return found, lacking


@functools.cache
def _files() -> list[str]:
    """Return Matplotlib's own font, then the installed ones, regular ones first."""
    own = font_manager.findfont("DejaVu Sans")
    return [
        own,
        *sorted(font_manager.findSystemFonts(), key=lambda path: (bool(re.search("Bold|Ital|Obl", path)), path)),
    ]


def _readable(found: re.Match[str]) -> str:
    style, place, text = found[1], found[2], html.unescape(found[3])
    if text.isascii():
        return found[0]
    fonts, lacking = families(text)
    if not lacking:
        return _outline(text, ["DejaVu Sans", *fonts], style, place)
    tag = tag_of(text)
    plain = langcodes.get(tag).display_name() if tag else text.encode("ascii", "backslashreplace").decode()
    return f'<text style="{style}"{place}>{html.escape(label(plain, LABEL_CHARACTERS))}</text>'


def _outline(text: str, fonts: list[str], style: str, place: str) -> str:
    """Return a text as a path: the converter to PNG knows the system's fonts only and misplaces combining letters."""
    given = dict(re.findall(r"([\w-]+): ([\w.]+)", style) + re.findall(r'(\w+)="([^"]*)"', place))
    font = font_manager.FontProperties(family=fonts, size=float(given["font-size"].removesuffix("px")))
    width = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    x = float(given.get("x", 0)) - width * ANCHORS[given.get("text-anchor", "start")]
    line = "".join(
        f"{COMMANDS[code]}{' '.join(f'{at:.3f}' for at in points)}" if code != Outline.CLOSEPOLY else "Z"
        for points, code in TextPath((0, 0), text, prop=font).iter_segments(simplify=False)
    )
    turned, moved = given.get("transform", ""), f"translate({x:.3f} {given.get('y', 0)}) scale(1 -1)"
    return f'<path style="{style}" transform="{turned} {moved}" d="{line}"/>'
