"""Figures hold their values as text, follow their own numbers, and look the same on every machine."""

import dataclasses
import re
import warnings
from typing import Any

import matplotlib
import pytest

from pipeline.report.page import render
from tests.report.sample import LANGUAGES, Page, make_results, svgs


def test_figures_hold_their_values_as_text(plain: str) -> None:
    words = [re.findall(r">([^<>]+)</text>", figure) for figure in svgs(plain)]
    assert len(words) == 7
    assert {"91.1%", "82.2%", "73.3%", "1.7%", "2.6%", "3.5%", "english", "recall", "EER"} <= set(words[0])
    assert {"misses", "false alarms", "5 %", *LANGUAGES} <= set(words[1])
    assert {"epoch", "loss", "train", "validation", "best: epoch 2"} <= set(words[2])
    assert {"epoch", "accuracy", "best: epoch 2"} <= set(words[3])
    assert {"train", "val", "test", *LANGUAGES} <= set(words[4])
    assert {"before", "after", "weighted", "25.0%", "34.0%", "43.0%", *LANGUAGES} <= set(words[5])
    assert {"74.1%", "84.1%", "94.1%"} <= set(words[6])


@pytest.mark.parametrize(("field", "moved"), [("loss", 2), ("val_loss", 2), ("accuracy", 3), ("val_accuracy", 3)])
def test_a_score_of_an_epoch_moves_its_own_curve(plain: str, field: str, moved: int) -> None:
    *others, last = make_results().history
    score: dict[str, Any] = {field: 0.75}
    changed = make_results(history=[*others, dataclasses.replace(last, **score)])
    pairs = zip(svgs(plain), svgs(render(changed)), strict=True)
    assert [number for number, (before, after) in enumerate(pairs) if before != after] == [moved]


@pytest.mark.parametrize("name", ["val", "test"])
def test_minutes_of_a_split_move_their_figure(plain: str, name: str) -> None:
    splits = make_results().splits
    splits["hindi"][name]["minutes"] = 99
    pairs = zip(svgs(plain), svgs(render(make_results(splits=splits))), strict=True)
    assert [number for number, (before, after) in enumerate(pairs) if before != after] == [4]


def test_figures_and_pictures_have_text_alternatives(plain: str) -> None:
    told = [found.get("aria-label") for tag, found in Page(plain).elements if tag == "svg"]
    assert all(told)
    assert len(set(told)) == len(told)
    assert all(found["alt"] for tag, found in Page(plain).elements if tag == "img")


def test_the_same_results_give_the_same_bytes_whatever_the_readers_matplotlib_is_set_to(plain: str) -> None:
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": "x", "lines.linewidth": 9}):
        assert render(make_results()) == plain
    assert "<metadata" not in plain  # it holds the date


def test_scripts_that_matplotlib_has_no_font_for_are_drawn_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = render(make_results(("english", "हिन्दी", "普通话")))
    assert page.count(">हिन्दी</text>") == 5
    assert page.count(">普通话</text>") == 5
