"""The report in a browser: complete, accessible, on a phone as well, without a word on the console."""

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.page import render
from tests.end_to_end.conftest import Copy
from tests.programs import browse
from tests.report.sample import everything

WIDTHS = (390, 1280)  # pixels: of a phone and of a desktop
LIMIT_BYTES = 5e6
HARMLESS = {None, "minor"}  # impacts
PROBE = """
<script>
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const drawn = [...document.querySelectorAll("svg, audio, table")];
  const report = {
    violations: found.violations.map(one => ({id: one.id, impact: one.impact, where: one.nodes[0].html.slice(0, 200)})),
    figures: document.querySelectorAll("svg").length,
    invisible: drawn.filter(one => one.getBoundingClientRect().width < 10).length,
    width: document.documentElement.scrollWidth,
  };
  parent.postMessage([window.innerWidth, report], "*");
});
</script>
"""
FRAMES = """<!doctype html><pre></pre>
<script>
const found = {};
onmessage = message => {
  found[message.data[0]] = message.data[1];
  document.querySelector("pre").textContent = JSON.stringify(found);
};
</script>
""" + "".join(
    f'<iframe src="probed.html" width="{width}" height="844" style="border: 0"></iframe>' for width in WIDTHS
)  # a window of the browser is at least 500 pixels wide


def probed(page: str, folder: Path, *options: str) -> dict[int, Any]:
    """Run axe-core and measure the layout at all widths, on a copy of the page that may run scripts."""
    axe = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    copy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    copy = copy.replace("</body>", f"<script>{axe}</script>{PROBE}</body>")
    (folder / "probed.html").write_text(copy, encoding="utf-8")
    (folder / "frames.html").write_text(FRAMES, encoding="utf-8")
    printed = re.search(r"<pre>(.+?)</pre>", browse(folder / "frames.html", folder, *options).stdout, re.DOTALL)
    assert printed, "axe did not end"
    found = json.loads(printed[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert {*map(int, found)} == {*WIDTHS}
    return {width: found[str(width)] for width in WIDTHS}


@pytest.fixture(scope="module", params=["real", "made up"])
def page(request: pytest.FixtureRequest, built: Copy) -> str:
    """The report of a run, and one in which every optional part is shown."""
    if request.param == "real":
        return (built.folder / "artifacts" / "report" / "index.html").read_text(encoding="utf-8")
    return render(everything())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(page: str, tmp_path: Path, scheme: str) -> None:
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    for width, found in probed(page, tmp_path, *dark).items():
        assert [one for one in found["violations"] if one["impact"] not in HARMLESS] == []
        assert found["width"] <= width
        assert found["figures"] == page.count("<svg")
        assert found["invisible"] == 0


def test_the_page_is_small_and_the_console_stays_empty(page: str, tmp_path: Path) -> None:
    assert len(page.encode()) < LIMIT_BYTES
    path = tmp_path / "index.html"
    path.write_text(page, encoding="utf-8")
    assert "CONSOLE" not in browse(path, tmp_path, "--enable-logging=stderr").stderr
    path.write_text(page.replace("<h1>", '<img src="https://example.org/x.png"><h1>'), encoding="utf-8")
    assert "CONSOLE" in browse(path, tmp_path, "--enable-logging=stderr").stderr  # its policy refuses the picture


def test_faults_are_found(tmp_path: Path) -> None:
    page = '<html><body><div style="width: 900px"><img src="data:,"></div><svg width="1"></svg></body></html>'
    found = probed(page, tmp_path)[WIDTHS[0]]
    assert "image-alt" in {one["id"] for one in found["violations"]}
    assert (found["width"] > WIDTHS[0], found["figures"], found["invisible"]) == (True, 1, 1)
