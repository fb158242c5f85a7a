"""Figures hold their values as text, follow their own numbers, and look the same on every machine and as files."""

import dataclasses
import re
import warnings
from xml.etree import ElementTree

import matplotlib

from pipeline.report import ablation
from pipeline.report.corpus import quality
from pipeline.report.drawing import LIGHT, drawing
from pipeline.report.figures import curves, lines, stack
from pipeline.report.page import render
from tests.report.sample import LANGUAGES, ROOT, comparison, make_results

BALANCE = "Share of each language in training: minutes before balancing, after it, and weighted"


def test_figures_hold_their_values_as_text(plain: str) -> None:
    figures = {figure.split('"')[3]: figure for figure in re.findall(r"<svg.*?</svg>", plain, flags=re.DOTALL)}
    words = {name: set(re.findall(r">([^<>]+)</text>", figure)) for name, figure in figures.items()}
    assert len(words) == 15
    for name, expected in {
        "recall and EER by language": {"91.1%", "82.2%", "73.3%", "1.7%", "2.6%", "3.5%", "recall", "EER", *LANGUAGES},
        "Misses and false alarms by language": {"misses", "false alarms", "5 %", *LANGUAGES},
        "Share of recordings in a language over the posterior of that language": {"posterior", "100%", *LANGUAGES},
        "Accuracy and macro recall over the seconds of speech": {"accuracy", "macro recall", "seconds of speech"},
        "Share of recordings whose answer stays right, over the seconds of audio": {"right and final"},
        "Frame accuracy in each minute without a reset": {"minutes without a reset", *LANGUAGES},
        "loss of training and validation, epochs 1 to 3, best epoch 2": {
            "epoch",
            "loss",
            "train",
            "validation",
            "best: epoch 2",
        },
        "accuracy of training and validation, epochs 1 to 3, best epoch 2": {"epoch", "accuracy", "best: epoch 2"},
        "Minutes by language and split": {"train", "val", "test", *LANGUAGES},
        BALANCE: {"before", "after", "weighted", "25.0%", "34.0%", "43.0%", *LANGUAGES},
        "Share of speech by language": {"74.1%", "84.1%", "94.1%"},
        "Recordings by level, language and split": {"train", "val", "test", "level, dBFS", *LANGUAGES},
    }.items():
        assert expected <= words[name], name


def test_a_number_moves_its_own_figure() -> None:
    made = make_results()
    *epochs, last = made.files["history"]
    first, *recordings = made.files["recordings"]
    with drawing():
        for metric, other in (("loss", "accuracy"), ("accuracy", "loss")):
            for field in (metric, f"val_{metric}"):
                moved = [*epochs, dataclasses.replace(last, **{field: 0.75})]
                assert curves(metric, moved, epochs[1]) != curves(metric, [*epochs, last], epochs[1])
                assert curves(other, moved, epochs[1]) == curves(other, [*epochs, last], epochs[1])
        assert stack("minutes", ["a"], {"val": [1.0]}) != stack("minutes", ["a"], {"val": [2.0]})
        louder = dataclasses.replace(first, rms_dbfs=-21.5)
        before, after = (quality([one, *recordings], made.split_rows, LANGUAGES) for one in (first, louder))
    assert [name for name in before if before[name] != after[name]] == ["level"]


def test_the_same_results_give_the_same_bytes_whatever_the_readers_matplotlib_is_set_to(plain: str) -> None:
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": "x", "lines.linewidth": 9}):
        assert render(make_results()) == plain
    assert "<metadata" not in plain  # it holds the date


def test_scripts_that_matplotlib_has_no_font_for_are_drawn_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = render(make_results(("english", "हिन्दी", "普通话")))
    assert page.count(">हिन्दी</text>") == 11
    assert page.count(">普通话</text>") == 11


def test_no_language_is_left_out_however_many_there_are() -> None:
    names = [f"language {number}" for number in range(20)]
    with drawing():
        figure = lines("many", {name: [(0.0, 0.5), (1.0, 0.6)] for name in names}, ("x", "y"))
    assert {f">{name}</text>" for name in names} <= set(re.findall(r">language \d+</text>", figure))


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
    assert all(f"--{name}: {colour}" in light for name, colour in LIGHT.items())
