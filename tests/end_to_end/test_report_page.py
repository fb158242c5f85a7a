"""The report in a browser: complete, accessible, on a phone as well, without a word on the console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.report.page import render
from tests.end_to_end.conftest import Copy
from tests.page.browser import Tab, chromium
from tests.report.sample import everything

PHONE, DESKTOP = 390, 1280  # pixels
LIMIT_BYTES = 5e6
FIGURES = "document.querySelectorAll('svg').length"
INVISIBLE = (
    "[...document.querySelectorAll('svg, audio, table')].filter((one) => one.getBoundingClientRect().width < 10).length"
)
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as tab:
        yield tab


def opened(tab: Tab, page: str, folder: Path, width: int = DESKTOP, dark: bool = False) -> Tab:
    """Open the text of a page."""
    (folder / "index.html").write_text(page, encoding="utf-8")
    tab.events.clear()
    tab.open(folder / "index.html", width, dark)
    return tab


@pytest.fixture(scope="module", params=["real", "made up"])
def page(request: pytest.FixtureRequest, built: Copy) -> str:
    """The report of a run, and one in which every optional part is shown."""
    if request.param == "real":
        return (built.folder / "artifacts" / "report" / "index.html").read_text(encoding="utf-8")
    return render(everything())


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_accessible_and_fits(tab: Tab, page: str, tmp_path: Path, width: int, dark: bool) -> None:
    opened(tab, page, tmp_path, width, dark)
    assert tab.violations() == []
    assert tab.run(WIDTH) <= width
    assert (tab.run(FIGURES), tab.run(INVISIBLE)) == (page.count("<svg"), 0)


def test_the_page_is_small_and_the_console_stays_empty(tab: Tab, page: str, tmp_path: Path) -> None:
    assert len(page.encode()) < LIMIT_BYTES
    assert not opened(tab, page, tmp_path).console
    foreign = page.replace("<h1>", '<img src="https://example.org/x.png"><h1>')
    assert opened(tab, foreign, tmp_path).console  # its policy refuses the picture


def test_faults_are_found(tab: Tab, tmp_path: Path) -> None:
    page = '<html><body><div style="width: 900px"><img src="data:,"></div><svg width="1"></svg></body></html>'
    opened(tab, page, tmp_path, PHONE)
    assert "image-alt" in {one["id"] for one in tab.violations()}
    assert tab.run(WIDTH) > PHONE
    assert (tab.run(FIGURES), tab.run(INVISIBLE)) == (1, 1)
