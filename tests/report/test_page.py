"""The report shows its results, loads nothing, and treats names as text."""

import base64
import copy
import hashlib
import io
import re

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.report.page import dvc_plots, from_template, render, scores
from pipeline.rows import AnswerRow, RejectedRow
from pipeline.scoring.metrics import MANY
from tests.report.sample import RATE_HZ, ROOT, Page, amounts, changed, make_results, with_leaves

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}-->&amp;"""
SECTIONS = [
    "result", "examples", "confusion", "languages", "errors", "durations", "stream", "open-set", "comparison",
    "training", "splits", "balance", "silence", "quality", "rejected", "leakage", "confounds", "parameters",
]  # fmt: skip


SHOWN = {
    "plain": {
        "result": ["87.1%", "51.1% to 92.2%", "12 of 14 correct", "0.022 to 0.133", "never trained on", "too few",
            "noise alone tell the language of 61% of the recordings", "not known from these data",
            "GRU 64, GRU 32, dense 100; 37,971",
            "Commit beef123 of 2026-01-02, with uncommitted changes", "of speech frames", "recordings/of/mine"],
        "examples": ["the test split has no recordings"],
        "errors": ["r9 speaker 9 hindi mandarin 0.100 60.0 s 40.0 s r10", "speaker 9 hindi 0 1 0.100 1.00 speaker 10"],
        "open-set": ["<i>hum 17 98.7% 87.6% to 99.9% 12.3% not known", "below 0.679 are refused, 5.1% of the right"],
        "stream": ["stays right from 0.77 s of audio", "changes 1.4 times", "model.tflite 0 9.2e-05 4.2e-07",
            "look ahead 12 ms silence 370 ms together 382 ms"],
        "comparison": ["this run 87.1% 86.2% 0.064 always english 64.3% 33.3% 0.500", "has no scores in artifacts"],
        "training": ["64 MFCCs GRU 64 GRU 32 dense 100 softmax 3", "network 2 of 1 to 3 0.702 train 0.602 65.2% train"],
        "confusion": ["english 9 100.0% 0 0.0% 0 0.0% hindi 0 0.0% 0 0.0% 2 100.0% mandarin 0 0.0% 0 0.0% 3 100.0%"],
        "languages": ["english 6 91.1% 61.0% to 99.0% 92.1% 91.6% 1.7%", "mandarin 3 73.3% not known 74.3% 73.8% 3.5%"],
        "durations": ["1 s 12 77.7% 60.0% to 80.0% 77.7%", "30 s 2 a language has none", "0.311 0.211 to 0.411 0.042"],
        "splits": ["english 300.25 11.1% 200 speakers like 17.5 301.25 12.1% 201 speakers", "322.25 33.1% 222 speakers",
            "no group is left for val", "add up to 0.250 ; no assignment of the 99 groups stays below 0.200"],
        "balance": ["1.66 times the frames of the smallest before balancing, and 1.57 times after", "class_weight",
            "mandarin 420.50 41.0% 420.60 42.0%", "english : 2 of 40 speakers english 0 40.50 9.0% 40.60 10.0% 40.70"],
        "silence": ["Strategy mask", "english 74.1% 0 hindi 84.1% 1 mandarin 94.1% 2"],
        "leakage": ["any of these 2 checks ends the run", "speaker in one split 0"],
        "confounds": ["61.2%", "50.1% to 72.3%", "owe as much", "hindi duration 92.3% 81.2% to 98.1% cut all alike"],
        "rejected": ["too_short for example a/b.wav : lasts 0.1 s 4", "5 in total"],
        "quality": ["english 50 12.50 7.2 s 16 kHz 7.75 kHz -23 dBFS -61 dBFS none", "clipped 3 , narrow 1"],
        "parameters": ["model.units [64, 32]", "mfcc.fmax null", "silence.strategy mask", "seed 42"],
    },
    "full": {
        "result": ["of all frames", "The voices are synthetic", "Macro recall, new sources 45.7%"],
        "leakage": ["speaker in one split speaker ann is in test, train 7"],
        "confusion": ["hindi 0 0.0% 0 0.0% 0 0.0% 2 100.0%", "undecided"],
        "examples": ["english recognised confidence 70.0% , 50.0% speech, speaker speaker 0 , r0", "called hindi"],
        "comparison": ["commit beef123 51.2% 41.2% – 10 seeds, default parameters 90.0% to 100.0% 80.0% to 95.0%"],
        "training": ["1 2 of 1 to 3 0.200", "separates the 2 parts of hindi", "from each other: english , mandarin"],
        "balance": ["each part of hindi", "no <speaker> is left",
            "hindi no source 7.25 31.0% 7.35 32.0% 7.45 33.0% radio 8.25 69.0%"],
        "ablation": ["on commit c0ffee", "mask 3 93.3% 88.3% to 98.3%", "0.057 0.007 to 0.107 0.75 0.70 to 0.80 –"],
        "confounds": ["tells the source of 62.0%", "finds the language of 22.0%", "it knows sources, not languages"],
        "other": ["21 recordings of 7 speakers", "held-out sources 21 23.4%", "one language",
            "hindi tv 25.0%", "<b> 34.6%"],
    },
    "bare": {
        "result": ["Not in a git repository"],
        "errors": ["The test split has no recordings."],
        "stream": ["Offline only"],
        "splits": ["Split by hash ."],
        "rejected": ["None: every recording is usable."],
        "confounds": ["Not known: too few speakers", "hindi : too few speakers to tell"],
    },
}  # fmt: skip
"""Words that a section of a page shows."""


def test_sections_come_in_the_order_of_their_importance(pages: dict[str, Page]) -> None:
    assert list(pages["plain"].sections) == list(pages["bare"].sections) == SECTIONS
    assert [name for name in pages["full"].sections if name not in SECTIONS] == ["other", "ablation"]


@pytest.mark.parametrize("page", SHOWN)
def test_a_section_shows_its_numbers_and_every_parameter(pages: dict[str, Page], page: str) -> None:
    for section, shown in SHOWN[page].items():
        assert [words for words in shown if words not in pages[page].text(section)] == [], section
    text = pages[page].text("parameters")
    assert all(f" {name} " in text for name in params.all_leaves(params.load(ROOT / "params.yaml")))


def test_a_section_says_nothing_that_is_not_so(pages: dict[str, Page]) -> None:
    for section, absent in [("result", "synthetic"), ("balance", "Sources")]:
        assert absent not in pages["plain"].text(section)
    assert "uncommitted" not in pages["full"].text("result")


def test_shares_shade_the_confusion_matrix_by_row(pages: dict[str, Page]) -> None:
    shades = [found["style"] for tag, found in pages["full"].elements if tag == "td" and "style" in found]
    assert [float(shade.removeprefix("--share: ")) for shade in shades] == [0.75, 0.25, 0, 0, *[0, 0, 0, 1], *[0] * 4]


def test_the_page_loads_nothing(full: str, pages: dict[str, Page]) -> None:
    assert not re.search(r"https?:|@import|//\w", re.sub(r"base64,[^\"]*", "", full))
    assert set(re.findall(r"url\(\s*['\"]?(.)", full)) <= {"#"}
    for tag, found in pages["full"].elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert not {"srcset", "action", "poster", "data", "background"} & set(found)
        assert found.get("src", "data:audio/mpeg;base64,").startswith("data:audio/mpeg;base64,")
        for name in ("href", "xlink:href"):
            assert found.get(name, "#").startswith("#") or (tag, found[name]) == ("a", "live.html")
    [script] = re.findall(r"<script>(.*?)</script>", full, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = "style-src 'unsafe-inline'; img-src data:; media-src data:"
    assert f"default-src 'none'; {allowed}; script-src 'sha256-{digest}'" in full


def test_of_many_languages_only_those_with_the_lowest_recall_are_drawn() -> None:
    names = [f"language{number:02}" for number in range(30)]
    found = copy.deepcopy(make_results().files["metrics"])
    for key in ("recall", "eer", "precision", "f1", "speakers_by_language"):
        found[key] = {name: 1 - number / 100 for number, name in enumerate(names)}
    found["intervals"]["recall"] = dict.fromkeys(names)
    wrong = [AnswerRow(names[0], names[1])] * 2 + [AnswerRow(name, names[0]) for name in names[1:]]
    shown = scores(names, found, wrong, [], "mask")
    assert shown["spoken"] == names[::-1]
    assert shown["drawn"] == names[: -MANY - 1 : -1]
    assert shown["largest"][0] == {"actual": names[0], "predicted": names[1], "number": 2, "share": 1.0}
    page = Page(from_template("unseen.html.j2", corpus="c", model="m", notes=[], **shown))
    assert f"{names[0]} {names[1]} 2 100.0%" in page.text("confusion")
    assert names[0] in page.text("languages")
    assert page.bare_tables == 0


def test_every_reference_inside_the_page_has_one_target_and_every_figure_a_text(
    full: str, pages: dict[str, Page]
) -> None:
    told = [found.get("aria-label") for tag, found in pages["full"].elements if tag == "svg"]
    assert all(told)
    assert len(set(told)) == len(told)
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
    made = make_results(languages)
    manifests = copy.deepcopy(made.files["manifests"])
    for row in manifests["minutes"].values():
        row["sources"] = row["largest_speakers"] = {HOSTILE: amounts(1.5, 0.5), HOSTILE * 99: amounts(1.5, 0.5)}
    page = render(
        changed(
            made,
            rejected=[RejectedRow(HOSTILE, HOSTILE, HOSTILE)],  # type: ignore[arg-type]
            leakage={HOSTILE: {"violations": 1, "examples": [HOSTILE]}},
            manifests=manifests,
            params=with_leaves(made, {"corpus.root": HOSTILE}),
        )
    )
    seen = Page(page)
    assert [tag for tag, _ in seen.elements if tag in ("script", "img")] == ["script"]  # that of the page itself
    assert not [name for _, found in seen.elements for name in found if name.startswith("on")]
    for section in ("result", "confusion", "languages", "splits", "balance", "silence", "leakage", "rejected"):
        assert HOSTILE in seen.text(section)
    assert page.count(">$x^2$</text>") == page.count(">&lt;b&gt;&amp;lt;</text>") == 11  # one per figure with languages
    assert page.count("<svg") == plain.count("<svg") == page.count("</svg>")


def test_the_page_for_dvcs_plots_holds_its_scripts() -> None:
    template = dvc_plots()
    assert not [found for _, found in Page(template).elements if {"src", "href"} & set(found)]
    assert "{scripts}" not in template  # DVC would replace it by links to scripts on the web
    assert template.count("{plot_divs}") == template.count("{refresh_tag}") == 1
    assert "vegaEmbed=" in template
