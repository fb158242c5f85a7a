"""DVC's plots page needs no network, and its confusion matrix agrees with metrics.json."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from pipeline import tables
from pipeline.rows import AnswerRow
from tests.end_to_end.conftest import ROOT, Copy
from tests.page.browser import chromium

PLOTS = dict(plot for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for plot in entry.items())


class Drawn(NamedTuple):
    """A page after its scripts have run, and the addresses on a network that it requested."""

    dom: str
    requests: list[str]


def draw(page: Path, n_plots: int = 0) -> Drawn:
    """Render a page with the network off."""
    with chromium() as tab:
        tab.open(page)
        tab.wait(f"document.querySelectorAll('.marks').length >= {n_plots}")
        dom = tab.run("document.documentElement.outerHTML")
        return Drawn(dom, [url for url in tab.requests if url.startswith(("http", "ws"))])


@pytest.fixture(scope="module")
def drawn(tiny: Copy) -> Drawn:
    tiny.succeed("dvc", "plots", "show")
    return draw(tiny.folder / "dvc_plots" / "index.html", len(PLOTS))


def test_every_plot_is_drawn_without_a_request(drawn: Drawn) -> None:
    assert drawn.requests == []
    assert drawn.dom.count('class="marks"') == len(PLOTS)
    for name, plot in PLOTS.items():
        assert f">{plot.get('title', name)}</text>" in drawn.dom
    for label in ("epoch: 1; loss: ", "epoch: 1; frame accuracy: "):
        assert f'aria-label="{label}' in drawn.dom


def test_a_request_is_recorded(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<script src="https://example.org/plots.js"></script>')
    assert draw(page).requests == ["https://example.org/plots.js"]


def test_the_confusion_plot_agrees_with_the_metrics(tiny: Copy, drawn: Drawn) -> None:
    results = tiny.folder / "artifacts" / "evaluation"
    pairs = Counter((row.actual, row.predicted) for row in tables.read(results / "confusion.csv", AnswerRow))
    totals: Counter[str] = Counter()
    for (actual, _), number in pairs.items():
        totals[actual] += number
    label = r'aria-label="predicted language: ([^;]+); actual language: ([^;"]+)'
    shades = {(is_, called): float(x) for called, is_, x in re.findall(label + r'; percent_of_y: ([\d.]+)"', drawn.dom)}
    texts = {(is_, called): int(x) for called, is_, x in re.findall(label + r'"[^>]*>(\d+)%</text>', drawn.dom)}
    assert set(shades) == set(texts) >= set(pairs)
    for cell, share in shades.items():
        assert share == pytest.approx(pairs[cell] / totals[cell[0]])
        assert texts[cell] == pytest.approx(100 * share, abs=0.5)
    recall = json.loads((results / "metrics.json").read_text())["recall"]
    assert {language: shades.get((language, language), 0) for language in recall} == pytest.approx(recall, abs=1e-4)
