"""The report shows its results, loads nothing, and treats names as text."""

import base64
import copy
import io
import re

import numpy as np
import pytest
import soundfile
import yaml

from pipeline.report.page import render
from pipeline.rows import RejectedRow
from tests.report.sample import RATE_HZ, ROOT, Page, amounts, make_results

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}-->&amp;"""
SECTIONS = [
    "result", "examples", "confusion", "languages", "errors", "durations", "stream", "comparison", "training",
    "splits", "balance", "silence", "quality", "rejected", "leakage", "confounds", "parameters",
]  # fmt: skip


SHOWN = {
    "plain": {
        "result": ["87.1%", "12 of 14 correct", "86.2%", "85.3%", "0.064", "Test recordings 14", "Test speakers 13",
            "never trained on", "recordings/of/mine", "noise alone tell the language of 61% of the recordings",
            "GRU 64, GRU 32, dense 100; 37,971", "trained for 3 epochs, best: 2",
            "Commit beef123 of 2026-01-02, with uncommitted changes", "51.1% to 92.2%", "0.022 to 0.133",
            "13 test speakers are too few", "40 or more are needed", "of speech frames"],
        "examples": ["the test split has no recordings"],
        "errors": ["r9 speaker 9 hindi mandarin 0.100 60.0 s 40.0 s r10",
            "speaker 9 hindi 0 1 0.100 1.00 speaker 10 hindi 0 1"],
        "stream": ["stays right from 0.77 s of audio", "changes 1.4 times per recording",
            "look ahead 12 ms silence 370 ms together 382 ms", "model.tflite 0 9.2e-05 4.2e-07"],
        "comparison": ["this run 87.1% 86.2% 0.064 always english 64.3% 33.3% 0.500",
            "has no scores in artifacts/summary/metrics.json"],
        "training": ["64 MFCCs GRU 64 GRU 32 dense 100 softmax 3",
            "network 2 of 1 to 3 0.702 train 0.602 65.2% train 60.2%"],
        "confusion": ["english 9 100.0% 0 0.0% 0 0.0%", "hindi 0 0.0% 0 0.0% 2 100.0%",
            "mandarin 0 0.0% 0 0.0% 3 100.0%"],
        "languages": ["english 6 91.1% 61.0% to 99.0% 92.1% 91.6% 1.7%", "mandarin 3 73.3% not known 74.3% 73.8% 3.5%"],
        "durations": ["1 s 12 77.7% 60.0% to 80.0% 77.7%", "30 s 2 a language has none", "temperature 1.23",
            "the whole recording 14 87.1%", "0.311 0.211 to 0.411 0.042"],
        "splits": ["english 300.25 11.1% 200 speakers like 17.5 301.25 12.1% 201 speakers like 17.5",
            "302.25 13.1% 202 speakers", "mandarin 320.25 31.1% 220 speakers", "322.25 33.1% 222 speakers",
            "hindi: no group is left for val", "add up to 0.250 ; no assignment of the 99 groups stays below 0.200"],
        "balance": ["class_weight", "1.66 times the frames of the smallest before balancing, and 1.57 times after",
            "english 400.50 25.0% 400.60 26.0% 400.70 27.0%", "mandarin 420.50 41.0% 420.60 42.0%",
            "english : 2 of 40 speakers english 0 40.50 9.0% 40.60 10.0% 40.70 11.0% english 1 39.50 8.0%"],
        "silence": ["Strategy mask", "english 74.1% 0", "hindi 84.1% 1", "mandarin 94.1% 2"],
        "leakage": ["No violation in 2 checks", "speaker in one split 0", "audio in one split 0"],
        "confounds": ["61.2%", "50.1% to 72.3%", "chance 33.3%", "may owe as much to the recordings",
            "hindi duration 92.3% 81.2% to 98.1% cut all alike"],
        "rejected": ["too_short for example a/b.wav : lasts 0.1 s 4", "unreadable for example c.wav : is text 1",
            "5 in total"],
        "quality": ["english 50 12.50 7.2 s 16 kHz 7.75 kHz -23 dBFS -61 dBFS none", "clipped 3 , narrow 1",
            "read as layout 'folders'"],
        "parameters": ["model.units [64, 32]", "mfcc.fmax null", "silence.strategy mask", "seed 42"],
    },
    "full": {
        "result": ["of all frames", "The voices are synthetic",
            "may be too good: the leakage audit below found 7 violations"],
        "leakage": ["speaker in one split speaker ann is in test, train 7"],
        "confusion": ["hindi 0 0.0% 0 0.0% 0 0.0% 2 100.0%", "undecided"],
        "examples": ["english recognised confidence 70.0% , 50.0% speech, speaker speaker 0 , r0",
            "english called hindi", "hindi undecided confidence 70.0% , 0.0% speech"],
        "comparison": ["commit beef123 51.2% 41.2% –",
            "10 seeds, default parameters 90.0% to 100.0% 80.0% to 95.0% 0.010 to 0.070"],
        "training": ["1 2 of 1 to 3 0.200", "2 5 of 4 to 6 0.700",
            "1 separates the 2 parts of hindi from each other and from all other languages",
            "network 2 separates these from each other: english , mandarin"],
        "balance": ["each part of hindi", "no <speaker> is left", "Sources",
            "hindi no source 7.25 31.0% 7.35 32.0% 7.45 33.0% radio 8.25 69.0%",
            "No speaker weighs more than 25.0% of its language"],
        "confounds": ["no better than chance"],
        "ablation": ["Measured on commit c0ffee", "none 3 71.1% 66.1% to 76.1% 62.2%",
            "mask 3 93.3% 88.3% to 98.3% 94.4%", "0.057 0.007 to 0.107 0.75 0.70 to 0.80 –"],
        "other": ["21 of 7 speakers", "tv, <b>", "held-out sources 21 23.4%", "34.6%", "one language", "hindi 7 25.0%"],
    },
    "bare": {
        "result": ["Not in a git repository"],
        "errors": ["The test split has no recordings."],
        "stream": ["Offline only"],
        "splits": ["Split by sequence ."],
        "rejected": ["None: every recording is usable."],
        "confounds": ["Not known: too few speakers", "hindi : too few speakers to tell"],
    },
}  # fmt: skip
"""Words that a section of a page shows."""


def test_sections_come_in_the_order_of_their_importance(pages: dict[str, Page]) -> None:
    assert list(pages["plain"].sections) == list(pages["bare"].sections) == SECTIONS
    optional = [name for name in pages["full"].sections if name not in SECTIONS]
    assert optional == ["other", "ablation"]


@pytest.mark.parametrize(("page", "section"), [(page, section) for page in SHOWN for section in SHOWN[page]])
def test_a_section_shows_its_numbers(pages: dict[str, Page], page: str, section: str) -> None:
    text = pages[page].text(section)
    for words in SHOWN[page][section]:
        assert words in text


@pytest.mark.parametrize(
    ("page", "section", "absent"),
    [
        ("plain", "result", "synthetic"),
        ("plain", "balance", "Sources"),
        ("plain", "balance", "No speaker"),
        ("full", "result", "uncommitted"),
        ("full", "result", "never trained on"),
    ],
)
def test_a_section_says_nothing_that_is_not_so(pages: dict[str, Page], page: str, section: str, absent: str) -> None:
    assert absent not in pages[page].text(section)


def test_every_parameter_is_listed(pages: dict[str, Page]) -> None:
    text = pages["plain"].text("parameters")
    for section, keys in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")).items():
        for name in [f"{section}.{key}" for key in keys] if isinstance(keys, dict) else [section]:
            assert f" {name} " in text


def test_shares_shade_the_confusion_matrix_by_row(pages: dict[str, Page]) -> None:
    shades = [found["style"] for tag, found in pages["full"].elements if tag == "td" and "style" in found]
    assert [float(shade.removeprefix("--share: ")) for shade in shades] == [0.75, 0.25, 0, 0, *[0, 0, 0, 1], *[0] * 4]


def test_the_page_loads_nothing(full: str, pages: dict[str, Page]) -> None:
    assert not re.search(r"https?:|@import|//\w", re.sub(r"base64,[^\"]*", "", full))
    assert set(re.findall(r"url\(\s*['\"]?(.)", full)) <= {"#"}
    for tag, found in pages["full"].elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not {"srcset", "action", "poster", "data", "background"} & set(found)
        assert found.get("src", "data:audio/mpeg;base64,").startswith("data:audio/mpeg;base64,")
        for name in ("href", "xlink:href"):
            assert found.get(name, "#").startswith("#")


def test_every_reference_inside_the_page_has_one_target(full: str, pages: dict[str, Page]) -> None:
    ids = [found["id"] for _, found in pages["full"].elements if "id" in found]
    assert len(set(ids)) == len(ids)
    assert {"".join(pair) for pair in re.findall(r'url\(#(\w+)\)|href="#(\w+)"', full)} <= set(ids)
    assert pages["full"].bare_tables == 0  # tables scroll inside the page


def test_examples_can_be_heard(pages: dict[str, Page]) -> None:
    sounds = [found["src"] for tag, found in pages["full"].elements if tag == "audio"]
    assert len(sounds) == 4
    for sound in sounds[:2]:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sound.partition(",")[2])))
        assert rate == RATE_HZ
        assert np.abs(samples[: RATE_HZ - 500]).max() == pytest.approx(9000 / 32768, rel=0.1)
        assert np.abs(samples[RATE_HZ + 2500 :]).max(initial=0) < 0.01


def test_the_best_are_bold_and_the_best_epoch_of_every_network_is_marked(full: str) -> None:
    assert re.findall(r"<b>(.*?)</b>", full) == ['<data value="0.9333">93.3%</data>']
    assert [full.count(f">best: epoch {number}</text>") for number in (2, 5)] == [2, 2]


def test_names_are_text_and_never_markup(plain: str) -> None:
    languages = (HOSTILE, "$x^2$", "<b>&lt;")
    tree, manifests = make_results(languages).params, copy.deepcopy(make_results(languages).manifests)
    for row in manifests["minutes"].values():
        row["sources"] = row["largest_speakers"] = {HOSTILE: amounts(1.5, 0.5), HOSTILE * 99: amounts(1.5, 0.5)}
    page = render(
        make_results(
            languages,
            rejected=[RejectedRow(HOSTILE, HOSTILE, HOSTILE)],  # type: ignore[arg-type]
            leakage={HOSTILE: {"violations": 1, "examples": [HOSTILE]}},
            manifests=manifests,
            params={**tree, "corpus": {**tree["corpus"], "root": HOSTILE}},
        )
    )
    seen = Page(page)
    assert [tag for tag, _ in seen.elements if tag in ("script", "img")] == []
    assert not [name for _, found in seen.elements for name in found if name.startswith("on")]
    for section in (
        "result",
        "confusion",
        "languages",
        "splits",
        "balance",
        "silence",
        "leakage",
        "rejected",
        "parameters",
    ):
        assert HOSTILE in seen.text(section)
    assert page.count(">$x^2$</text>") == page.count(">&lt;b&gt;&amp;lt;</text>") == 11  # one per figure with languages
    assert page.count("<svg") == plain.count("<svg") == page.count("</svg>")
