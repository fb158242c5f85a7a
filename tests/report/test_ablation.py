"""The drawing of an ablation as a file."""

import dataclasses
from xml.etree import ElementTree

from pipeline.report import ablation, drawing
from tests.report.sample import ROOT, comparison

HOSTILE = "<b>&'\"]]>"


def test_the_drawing_is_a_file_with_every_cell_in_the_light_colours_of_the_page() -> None:
    rows = [
        dataclasses.replace(row, extra={"silence.strategy": HOSTILE}) if row.cell == "mask" else row
        for row in comparison()
    ]
    text = ablation.svg(rows)
    assert text == ablation.svg(rows) != ablation.svg([dataclasses.replace(rows[0], high=0.99), *rows[1:]])
    assert "var(" not in text
    words = [element.text for element in ElementTree.fromstring(text).iter() if element.text]
    assert {"none", HOSTILE, "recording accuracy", "macro recall"} <= set(words)
    page = (ROOT / "pipeline" / "report" / "html" / "layout.html.j2").read_text(encoding="utf-8")
    light = page[page.index(":root") : page.index("@media")]
    assert all(f"--{name}: {colour}" in light for name, colour in drawing.LIGHT.items())
