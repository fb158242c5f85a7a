"""A PNG names every series so that it can be read, with the fonts of this machine or without them."""

import html
import io
import itertools
import re

import numpy as np
import pytest
import vl_convert
from matplotlib.image import imread

from pipeline.bundle import pictures
from pipeline.report.drawing import drawing, standalone
from pipeline.report.figures import lines

SCRIPTS = {"Devanagari": "कखग", "Han": "普通话", "Tamil": "கஙச", "Arabic": "بتث", "Ethiopic": "ሀለሐ"}


@pytest.fixture(scope="module")
def picture() -> str:
    """A figure with a series called NAME."""
    with drawing():
        return standalone(lines("title", {"NAME": [(0.0, 0.5)], "english": [(0.0, 0.4)]}, ("x", "y")))


@pytest.mark.parametrize("script", SCRIPTS)
def test_different_names_look_different(script: str, picture: str) -> None:
    names = ["".join(letters) for letters in itertools.combinations(SCRIPTS[script], 2)]
    assert len({pictures.png(picture.replace("NAME", name)) for name in names}) == len(names)


@pytest.mark.parametrize(("anchor", "share"), [("start", 1.0), ("middle", 0.5), ("end", 0.0)])
def test_a_text_that_is_not_ascii_stays_in_its_place(anchor: str, share: float) -> None:
    text = (
        f'<text style="font-size: 40px; text-anchor: {anchor}" x="100" y="50" transform="rotate(-0 100 50)">шшш</text>'
    )
    content = pictures.png(f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60">{text}</svg>')
    columns = np.flatnonzero(imread(io.BytesIO(content))[:, :, 3].any(axis=0))
    assert (columns > 2 * 100).mean() == pytest.approx(share, abs=0.05)  # two pixels per unit


def test_a_name_that_no_font_has_is_in_english_or_else_escaped(picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(pictures, "families", lambda text: ([], set(text) & set("हिन्दी川")))
    monkeypatch.setattr(vl_convert, "svg_to_png", lambda picture, **_: drawn.append(picture))
    for name in ("हिन्दी", "川", "a&b<川", "川" * 14):
        pictures.png(picture.replace("NAME", html.escape(name)))
    names = [html.unescape(re.findall(r">([^<>]+)</text>", one)[-2]) for one in drawn]
    assert names == ["Hindi", r"\u5ddd", r"a&b<\u5ddd", r"\u5ddd\u5ddd\…"]


def test_the_advice_says_once_which_packages_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not pictures.advice(["english", "español", "20 % – ×"])
    monkeypatch.setattr(pictures, "families", lambda text: ([], set(text) - {"a"}))
    assert pictures.advice(["abc", "abd"]).startswith("no installed font has 'b' and 2 others; ")
    assert pictures.advice(["b"]).endswith(f"apt-get install {pictures.FONTS}")


def test_a_legend_stays_inside_its_picture() -> None:
    with drawing():
        picture = standalone(lines("title", {f"{'W' * 13}{number}": [(0.0, 0.5)] for number in range(6)}, ("x", "y")))
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', picture)[0])
    places = [float(x) for x in re.findall(r'<text [^>]*text-anchor: start[^>]* x="([\d.]+)"[^>]*>W', picture)]
    assert len(places) == 6
    assert max(places) + 14 * 8 <= width  # 8 points each, at most
