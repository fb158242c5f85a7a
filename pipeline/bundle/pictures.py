"""Figures as PNG, in the fonts of this machine."""

import functools
import html
import re
from collections.abc import Iterable

import langcodes
import vl_convert

from pipeline.corpus.languages import tag_of
from pipeline.report.drawing import label
from pipeline.report.figures import LABEL_CHARACTERS

PIXELS_PER_UNIT = 2
FONTS = "fonts-freefont-ttf fonts-wqy-microhei"  # Debian packages, 12 MB: nearly all scripts in use
NO_CHARACTER = "\U0010fffe"  # no font has it


def png(picture: str) -> bytes:
    """A figure in SVG as PNG. A name that no installed font can draw is in English, or else escaped and shortened."""
    lacking = missing(re.findall(r">([^<>]+)</text>", picture))

    def readable(found: re.Match[str]) -> str:
        text = html.unescape(found[1])
        if lacking.isdisjoint(text):
            return found[0]
        tag = tag_of(text)
        plain = langcodes.get(tag).display_name() if tag else text.encode("ascii", "backslashreplace").decode()
        return f">{html.escape(label(plain, LABEL_CHARACTERS))}</text>"

    return vl_convert.svg_to_png(re.sub(r">([^<>]+)</text>", readable, picture), scale=PIXELS_PER_UNIT)


def missing(texts: Iterable[str]) -> set[str]:
    """The characters that no installed font has: they would all be drawn as the same box."""
    characters = {character for text in texts for character in text if not character.isascii()}
    box = _drawn(NO_CHARACTER)
    return {character for character in characters if character.isprintable() and _drawn(character) == box}


def advice(texts: Iterable[str]) -> str:
    """A sentence that names a character that no installed font has, and what to install; empty if all are there."""
    first, *others = sorted(missing(texts)) or [""]
    more = f" and {len(others)} others" if others else ""
    return first and f"no installed font has {first!r}{more}; install fonts that do: apt-get install {FONTS}"


@functools.cache
def _drawn(character: str) -> bytes:
    return vl_convert.svg_to_png(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
        f'<text x="10" y="15" font-family="DejaVu Sans, sans-serif">{character}</text></svg>'
    )
