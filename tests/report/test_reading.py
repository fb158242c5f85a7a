"""Reading the report in a browser: the result before the doubt, the values of curves, sorted tables."""

import json
import re
from pathlib import Path

import pytest

from pipeline.report.drawing import drawing
from pipeline.report.figures import lines
from tests.page.browser import chromium
from tests.report.sample import Page

HOSTILE = "<b>\"'</b>"


def test_the_result_comes_before_the_doubt(plain: str) -> None:
    said = re.sub(r"<[^>]*>", "", plain[plain.index('id="result"') :])
    assert (
        said.index("87.1% of 14 test recordings")
        < said.index("The weakest point:")
        < said.index("alone tell the language of 61%")
    )


def test_only_a_model_that_streams_has_a_page_that_listens(pages: dict[str, Page]) -> None:
    linked = {name: ("a", {"href": "live.html"}) in page.elements for name, page in pages.items()}
    assert linked == {"plain": True, "full": True, "bare": False}


def test_the_points_of_a_curve_have_their_values_in_words() -> None:
    with drawing():
        figure = str(lines("title", {HOSTILE: [(1.0, 0.5), (20.0, 0.931), (30.0, float("nan"))]}, ("seconds", "right")))
    [found] = re.findall(r'data-points="([^"]*)"', figure)
    points = json.loads(found.replace("&quot;", '"').replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">"))
    assert [words for _, _, words in points] == [
        f"{HOSTILE}: right 50.0%, seconds 1",
        f"{HOSTILE}: right 93.1%, seconds 20",
    ]
    _, _, width, height = map(float, re.findall(r'viewBox="([^"]*)"', figure)[0].split())
    assert all(0 < x < width and 0 < y < height for x, y, _ in points)
    assert points[0][1] > points[1][1]  # higher values are drawn higher


@pytest.mark.slow
def test_values_are_shown_for_pointer_and_keyboard_and_long_tables_are_sorted(full: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(full, encoding="utf-8")
    with chromium() as tab:
        tab.open(tmp_path / "page.html")
        assert tab.violations() == []
        tab.run("globalThis.svg = document.querySelector('svg[data-points]'); svg.scrollIntoView({block: 'center'})")
        box = tab.run("(({x, y, width, height}) => [x + width / 2, y + height / 2])(svg.getBoundingClientRect())")
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
        tab.wait("svg.querySelector('.mark') && svg.nextSibling.textContent")
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
        tab.wait("!svg.querySelector('.mark')")
        tab.run("svg.focus()")
        words = [tab.run("svg.nextSibling.textContent")]
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
            tab.call("Input.dispatchKeyEvent", type="keyDown", key=key)
            words.append(tab.run("svg.nextSibling.textContent"))
        points = [one[2] for one in tab.run("JSON.parse(svg.dataset.points)")]
        at = points.index(words[0])  # where the pointer was
        assert words == [points[at], points[at + 1], points[at], points[at - 1]]
        names = "[...document.querySelectorAll('#parameters tbody th')].map((one) => one.textContent)"
        before = tab.run(names)
        sort = "document.querySelector('#parameters thead button').click()"
        tab.run(f"{sort}; {sort}")
        assert tab.run(names) == sorted(before, reverse=True)
        assert tab.console == []
