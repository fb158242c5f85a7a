"""The report shows its results, loads nothing, and treats names as text."""

import base64
import copy
import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
import yaml

from pipeline.report.commit import Commit
from pipeline.report.examples import cards
from pipeline.report.page import render
from pipeline.rows import EpochRow, RejectedRow
from tests.report.sample import (
    LANGUAGES,
    RATE_HZ,
    ROOT,
    Page,
    amounts,
    comparison,
    example,
    made_answers,
    make_results,
)

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}-->&amp;"""


def test_sections_come_in_the_order_of_their_importance(plain: str) -> None:
    assert list(Page(plain).sections) == [
        "result", "examples", "confusion", "languages", "errors", "durations", "stream", "comparison", "training",
        "splits", "balance", "silence", "quality", "rejected", "leakage", "confounds", "parameters",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("result", ["87.1%", "12 of 14 correct", "86.2%", "85.3%", "0.064", "Test recordings 14", "Test speakers 13"]),
        ("result", ["never trained on", "recordings/of/mine"]),
        ("result", ["noise alone tell the language of 61% of the recordings", "GRU 64, GRU 32, dense 100; 37,971"]),
        ("result", ["trained for 3 epochs, best: 2", "Commit beef123 of 2026-01-02, with uncommitted changes"]),
        ("examples", ["the test split has no recordings"]),
        ("errors", ["r9 speaker 9 hindi mandarin 0.100 60.0 s 40.0 s r10"]),
        ("errors", ["speaker 9 hindi 0 1 0.100 1.00 speaker 10 hindi 0 1"]),
        ("stream", ["stays right from 0.77 s of audio", "changes 1.4 times per recording"]),
        ("stream", ["look ahead 12 ms silence 370 ms together 382 ms", "model.tflite 0 9.2e-05 4.2e-07"]),
        ("comparison", ["this run 87.1% 86.2% 0.064 always english 64.3% 33.3% 0.500"]),
        ("comparison", ["has no scores in artifacts/summary/metrics.json"]),
        ("training", ["64 MFCCs GRU 64 GRU 32 dense 100 softmax 3"]),
        ("confusion", ["english 9 100.0% 0 0.0% 0 0.0%", "hindi 0 0.0% 0 0.0% 2 100.0%"]),
        ("confusion", ["mandarin 0 0.0% 0 0.0% 3 100.0%"]),
        ("languages", ["english 6 91.1% 61.0% to 99.0% 92.1% 91.6% 1.7%"]),
        ("languages", ["mandarin 3 73.3% not known 74.3% 73.8% 3.5%"]),
        ("result", ["51.1% to 92.2%", "0.022 to 0.133", "13 test speakers are too few", "40 or more are needed"]),
        ("durations", ["1 s 12 77.7% 60.0% to 80.0% 77.7%", "30 s 2 a language has none", "temperature 1.23"]),
        ("durations", ["the whole recording 14 87.1%", "0.311 0.211 to 0.411 0.042"]),
        ("training", ["network 2 of 1 to 3 0.702 train 0.602 65.2% train 60.2%"]),
        ("splits", ["english 300.25 11.1% 200 speakers like 17.5 301.25 12.1% 201 speakers like 17.5"]),
        ("splits", ["302.25 13.1% 202 speakers", "mandarin 320.25 31.1% 220 speakers", "322.25 33.1% 222 speakers"]),
        ("balance", ["class_weight", "1.66 times the frames of the smallest before balancing, and 1.57 times after"]),
        ("balance", ["english 400.50 25.0% 400.60 26.0% 400.70 27.0%", "mandarin 420.50 41.0% 420.60 42.0%"]),
        ("balance", ["english : 2 of 40 speakers english 0 40.50 9.0% 40.60 10.0% 40.70 11.0% english 1 39.50 8.0%"]),
        ("silence", ["Strategy mask", "english 74.1% 0", "hindi 84.1% 1", "mandarin 94.1% 2"]),
        ("leakage", ["No violation in 2 checks", "speaker in one split 0", "audio in one split 0"]),
        ("confounds", ["61.2%", "50.1% to 72.3%", "chance 33.3%", "may owe as much to the recordings"]),
        ("confounds", ["hindi duration 92.3% 81.2% to 98.1% cut all alike"]),
        ("rejected", ["too_short for example a/b.wav : lasts 0.1 s 4", "unreadable for example c.wav : is text 1"]),
        ("rejected", ["5 in total"]),
        ("quality", ["english 50 12.50 7.2 s 16 kHz 7.75 kHz -23 dBFS -61 dBFS none", "clipped 3 , narrow 1"]),
        ("quality", ["read as layout 'folders'"]),
        ("parameters", ["model.units [64, 32]", "mfcc.fmax null", "silence.strategy mask", "seed 42"]),
    ],
)  # fmt: skip
def test_a_section_shows_its_numbers(plain: str, section: str, expected: list[str]) -> None:
    text = Page(plain).text(section)
    for words in expected:
        assert words in text


def test_every_parameter_is_listed(plain: str) -> None:
    text = Page(plain).text("parameters")
    for section, keys in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")).items():
        for name in [f"{section}.{key}" for key in keys] if isinstance(keys, dict) else [section]:
            assert f" {name} " in text


def test_shares_shade_the_confusion_matrix_by_row() -> None:
    pairs = [("english", "english")] * 3 + [("english", "hindi")] + [("hindi", "undecided")] * 2
    answers = made_answers(LANGUAGES, pairs)
    page = Page(render(make_results(answers=answers)))
    shades = [found["style"] for tag, found in page.elements if tag == "td" and "style" in found]
    assert [float(shade.removeprefix("--share: ")) for shade in shades] == [0.75, 0.25, 0, 0, *[0, 0, 0, 1], *[0] * 4]
    assert "hindi 0 0.0% 0 0.0% 0 0.0% 2 100.0%" in page.text("confusion")
    assert "undecided" in page.text("confusion")


def test_the_page_loads_nothing(plain: str) -> None:
    assert not re.search(r"https?:|@import|//\w", plain)
    assert set(re.findall(r"url\(\s*['\"]?(.)", plain)) <= {"#"}
    for tag, found in Page(plain).elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not {"srcset", "action", "poster", "data", "background"} & set(found)
        assert found.get("src", "data:audio/mpeg;base64,").startswith("data:audio/mpeg;base64,")
        for name in ("href", "xlink:href"):
            assert found.get(name, "#").startswith("#")


def test_every_reference_inside_the_page_has_one_target(plain: str) -> None:
    ids = [found["id"] for _, found in Page(plain).elements if "id" in found]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'url\(#(\w+)\)|href="#(\w+)"', plain)) <= {(name, "") for name in ids} | {
        ("", n) for n in ids
    }


def test_examples_can_be_heard_and_seen() -> None:
    right, wrong = made_answers(LANGUAGES, [("english", "english"), ("hindi", "mandarin")])
    page = render(make_results(cards=cards([example(right), example(wrong)])))
    text = Page(page).text("examples")
    assert "english recognised confidence 70.0% , 50.0% speech, speaker speaker 0 , r0" in text
    assert "hindi called mandarin" in text
    sounds = [found["src"] for tag, found in Page(page).elements if tag == "audio"]
    for sound in sounds:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sound.partition(",")[2])))
        assert (rate, len(sounds)) == (RATE_HZ, 2)
        assert np.abs(samples[: RATE_HZ - 500]).max() == pytest.approx(9000 / 32768, rel=0.1)
        assert np.abs(samples[RATE_HZ + 2500 :]).max(initial=0) < 0.01


def test_an_example_without_speech_or_frames_is_drawn() -> None:
    [answer] = made_answers(LANGUAGES, [("english", "undecided")])
    one = example(answer)
    silent = dataclasses.replace(
        one, samples=one.samples * 0, frames=[dataclasses.replace(row, speech=0) for row in one.frames]
    )
    empty = dataclasses.replace(one, frames=[])
    page = Page(render(make_results(cards=cards([silent, empty]))))
    assert "english undecided confidence 70.0% , 0.0% speech" in page.text("examples")


def test_a_report_without_answers_or_a_stream_is_rendered() -> None:
    description = {**make_results().description, "streaming": False}
    page = Page(render(make_results(answers=[], description=description, equality=[])))
    assert "The test split has no recordings." in page.text("errors")
    assert "Offline only" in page.text("stream")


def test_the_last_commit_is_compared() -> None:
    scores = {"recording_accuracy": 0.5123, "macro_recall": 0.4123, "c_avg": None}
    page = Page(render(make_results(provenance=Commit("beef123", "2026-01-02", False, scores))))
    assert "commit beef123 51.2% 41.2% –" in page.text("comparison")
    assert "uncommitted" not in page.text("result")
    assert "Not in a git repository" in Page(render(make_results(provenance=None))).text("result")


def test_synthetic_voices_are_called_so(plain: str) -> None:
    usual = {"runs": 10, "recording_accuracy": [0.9, 1.0], "macro_recall": [0.8, 0.95], "c_avg": [0.01, 0.07]}
    page = Page(render(make_results(synthetic=True, usual=usual)))
    assert "The voices are synthetic" in page.text("result")
    assert "10 seeds, default parameters 90.0% to 100.0% 80.0% to 95.0% 0.010 to 0.070" in page.text("comparison")
    assert "synthetic" not in Page(plain).text("result")


def test_tables_scroll_inside_the_page(plain: str) -> None:
    assert Page(plain).bare_tables == 0


@pytest.mark.parametrize("violations", [0, 1])
def test_names_are_text_and_never_markup(plain: str, violations: int) -> None:
    languages = (HOSTILE, "$x^2$", "<b>&lt;")
    tree, manifests = make_results(languages).params, copy.deepcopy(make_results(languages).manifests)
    for row in manifests["minutes"].values():
        row["sources"] = row["largest_speakers"] = {HOSTILE: amounts(1.5, 0.5), HOSTILE * 99: amounts(1.5, 0.5)}
    page = render(
        make_results(
            languages,
            rejected=[RejectedRow(HOSTILE, HOSTILE, HOSTILE)],  # type: ignore[arg-type]
            leakage={HOSTILE: {"violations": violations, "examples": [HOSTILE]}},
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


def test_networks_of_an_ensemble_have_curves_and_a_best_epoch_each() -> None:
    history = [
        EpochRow(n, n // 4, 0.5, 0.5, loss, 0.5, 1.0) for n, loss in enumerate((0.3, 0.2, 0.4, 0.9, 0.7, 0.8), 1)
    ]
    manifests = {
        **make_results().manifests,
        "balance": "ensemble",
        "ensemble": {"large": "hindi", "parts": [["a"], ["b"]], "others": ["english", "mandarin"]},
    }
    page = render(make_results(history=history, manifests=manifests))
    text = Page(page).text("training")
    assert "1 2 of 1 to 3 0.200" in text
    assert "2 5 of 4 to 6 0.700" in text
    assert "network 1 separates the 2 parts of hindi from each other and from all other languages" in text
    assert "network 2 separates these from each other: english , mandarin" in text
    assert page.count(">best: epoch 2</text>") == 2
    assert page.count(">best: epoch 5</text>") == 2
    assert "each part of hindi" in Page(page).text("balance")


def test_an_epoch_without_a_validation_loss_is_drawn() -> None:
    epochs = [EpochRow(1, 0, 1.0, 0.5, float("nan"), 0.5, 1.0)]
    assert "best: epoch 1" in render(make_results(history=epochs))


def test_the_page_does_not_claim_new_speakers_if_the_audit_found_leaks() -> None:
    leakage = {"speaker_in_one_split": {"violations": 7, "examples": ["speaker ann is in test, train"]}}
    page = Page(render(make_results(leakage=leakage)))
    assert "never trained on" not in page.text("result")
    assert "may be too good: the leakage audit below found 7 violations" in page.text("result")
    assert "speaker in one split speaker ann is in test, train 7" in page.text("leakage")


def test_sources_are_shown_if_a_language_has_more_than_one(plain: str) -> None:
    made = make_results().manifests
    two = {"": amounts(7.25, 0.31), "radio": amounts(8.25, 0.69)}
    minutes = {**made["minutes"], "hindi": {**made["minutes"]["hindi"], "sources": two}}
    text = Page(render(make_results(manifests={**made, "minutes": minutes}))).text("balance")
    assert "Sources" in text
    assert "hindi no source 7.25 31.0% 7.35 32.0% 7.45 33.0% radio 8.25 69.0%" in text
    assert "Sources" not in Page(plain).text("balance")


def test_the_page_says_what_the_balance_could_not_do_and_the_limit_of_a_speaker(plain: str) -> None:
    tree = make_results().params
    page = render(
        make_results(
            manifests={**make_results().manifests, "notes": [HOSTILE]},
            params={**tree, "balance": {**tree["balance"], "cap": 0.25}},
        )
    )
    assert HOSTILE in Page(page).text("balance")
    assert "No speaker weighs more than 25.0% of its language" in Page(page).text("balance")
    assert "No speaker" not in Page(plain).text("balance")


@pytest.mark.parametrize(
    ("strategy", "frames"), [("none", "all"), ("remove", "speech"), ("mask", "speech"), ("label", "all")]
)
def test_the_page_names_the_frames_that_the_accuracy_counts(strategy: str, frames: str) -> None:
    tree = make_results().params
    page = render(make_results(params={**tree, "silence": {**tree["silence"], "strategy": strategy}}))
    assert f"of {frames} frames" in Page(page).text("result")


def test_the_page_says_if_nothing_was_rejected() -> None:
    assert "None: every recording is usable." in Page(render(make_results(rejected=[]))).text("rejected")


def test_what_a_split_could_not_have_is_said(plain: str) -> None:
    text = Page(plain).text("splits")
    assert "hindi: no group is left for val" in text
    assert "add up to 0.250 ; no assignment of the 99 groups stays below 0.200" in text


def test_a_split_without_a_search_names_its_method() -> None:
    results = make_results(search={"notes": []})
    results.params["split"]["unit"] = "sequence"
    assert "Split by sequence ." in Page(render(results)).text("splits")


def test_an_ablation_is_shown_with_intervals_and_the_best_in_bold() -> None:
    page = render(make_results(comparison=comparison()))
    text = Page(page).text("ablation")
    assert "Measured on commit c0ffee" in text
    assert "none 3 71.1% 66.1% to 76.1% 62.2%" in text
    assert "mask 3 93.3% 88.3% to 98.3% 94.4%" in text
    assert "0.057 0.007 to 0.107 0.75 0.70 to 0.80 –" in text
    assert re.findall(r"<b>(.*?)</b>", page) == ['<data value="0.9333">93.3%</data>']


def test_without_an_ablation_there_is_no_section(plain: str) -> None:
    assert "ablation" not in Page(plain).sections


def test_held_out_sources_have_a_section_of_their_own(plain: str) -> None:
    assert "other" not in Page(plain).sections
    results = make_results()
    tree = dict(results.params)
    tree["split"] = {**tree["split"], "holdout": {"source": ("tv", "<b>")}}
    intervals = {**results.metrics["intervals"], "recall": {"hindi": (0.1, 0.4)}}
    other = {
        "recordings": 21, "speakers": 7, "recording_accuracy": 0.2345, "macro_recall": 0.3456,
        "recall": {"hindi": 0.25}, "speakers_by_language": {"hindi": 7}, "intervals": intervals,
    }  # fmt: skip
    page = Page(render(make_results(params=tree, metrics={**results.metrics, "other": other})))
    for words in ("21 of 7 speakers", "tv, <b>", "held-out sources 21 23.4%", "34.6%", "one language", "hindi 7 25.0%"):
        assert words in page.text("other")


def test_what_cannot_be_told_of_confounds_is_said() -> None:
    none = {"chance": None, "score": None, "low": None, "high": None, "measures": [], "unknown": ["hindi"]}
    text = Page(render(make_results(confounds=none))).text("confounds")
    assert "Not known: too few speakers" in text
    assert "hindi : too few speakers to tell" in text
    fair = {"chance": 0.3333, "score": 0.35, "low": 0.3, "high": 0.4, "measures": [], "unknown": []}
    assert "no better than chance" in Page(render(make_results(confounds=fair))).text("confounds")
