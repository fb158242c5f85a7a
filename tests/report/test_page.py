"""The report: it holds what was asked for, loads nothing, and trusts no name."""

import base64
import dataclasses
import json
import os
import re
import subprocess
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import yaml

from pipeline import params, tables
from pipeline.report.page import Results, best_epoch, render
from pipeline.tables import AnswerRow, EpochRow, RejectedRow

ROOT = Path(__file__).parents[2]
LANGUAGES = ("english", "hindi", "mandarin")
PICTURE = b"\x89PNG\r\n\x1a\n and so on"
HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}-->&amp;"""
VOID = {"meta", "img", "br", "link", "input", "base", "embed"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and the text of each section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: list[str] = []
        self.sections: dict[str, list[str]] = {}
        self.bare_tables = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag == "section":
            self.sections[found["id"]] = []
        if tag == "table" and self.inside[-1] != "scroll":
            self.bare_tables += 1
        if tag not in VOID:
            self.inside.append(found.get("class", tag))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.sections and not {"style", "svg"} & set(self.inside):
            self.sections[list(self.sections)[-1]].append(data)

    def text(self, section: str) -> str:
        """The words of a section outside its figures, in one line."""
        return " ".join(" ".join(self.sections[section]).split())


def settings() -> dict[str, Any]:
    return params.load(ROOT / "params.yaml").model_dump()


def results(languages: tuple[str, ...] = LANGUAGES, **changes: Any) -> Results:
    """Results in which every number is another."""
    first, second, third = languages
    tree = settings()
    tree["corpus"] |= {"languages": languages, "root": "recordings/of/mine"}
    splits = {
        language: {
            name: {
                "recordings": 100 + 10 * row + column,
                "speakers": 200 + 10 * row + column,
                "minutes": 300.25 + 10 * row + column,
                "share": 0.111 + 0.1 * row + 0.01 * column,
            }
            for column, name in enumerate(("train", "val", "test"))
        }
        for row, language in enumerate(languages)
    }
    made = Results(
        params=tree,
        metrics={
            "recording_accuracy": 0.871,
            "macro_recall": 0.862,
            "frame_accuracy": 0.853,
            "c_avg": 0.0644,
            "recall": dict(zip(languages, (0.911, 0.822, 0.733), strict=True)),
            "eer": dict(zip(languages, (0.0171, 0.0262, 0.0353), strict=True)),
            "recordings": 14,
            "speakers": 13,
        },
        answers=[AnswerRow(first, first)] * 9 + [AnswerRow(second, third)] * 2 + [AnswerRow(third, third)] * 3,
        history=[
            EpochRow(1, 0, 0.9011, 0.4012, 0.8013, 0.5014, 12.5),
            EpochRow(2, 0, 0.6021, 0.6022, 0.7023, 0.6524, 12.5),
            EpochRow(3, 0, 0.3031, 0.8032, 0.7523, 0.7034, 12.5),
        ],
        splits=splits,
        manifests={
            "silence": "mask",
            "balance": "class_weight",
            "ensemble": None,
            "train": {
                language: {"sequences": 50 + row, "frames": 61000 + 20000 * row, "weighed": 81003 + row}
                for row, language in enumerate(languages)
            },
        },
        trim={language: {"speech": 0.741 + 0.1 * row, "without_speech": row} for row, language in enumerate(languages)},
        leakage={check: {"violations": 0, "examples": []} for check in ("speaker_in_one_split", "audio_in_one_split")},
        rejected=[RejectedRow("a/b.wav", "too_short", "lasts 0.1 s")] * 4
        + [RejectedRow("c.wav", "unreadable", "is text")],
        network=PICTURE,
    )
    return dataclasses.replace(made, **changes)


def figures(page: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def plain() -> str:
    return render(results())


def test_sections_come_in_the_order_of_their_weight(plain: str) -> None:
    assert list(Page(plain).sections) == [
        "result", "confusion", "languages", "training", "splits", "balance", "silence", "leakage", "rejected", "more",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("result", ["87.1%", "12 of 14 right", "86.2%", "85.3%", "0.064", "Test recordings 14", "Test speakers 13"]),
        ("result", ["never trained on", "recordings/of/mine"]),
        ("confusion", ["english 9 100.0% 0 0.0% 0 0.0%", "hindi 0 0.0% 0 0.0% 2 100.0%"]),
        ("confusion", ["mandarin 0 0.0% 0 0.0% 3 100.0%"]),
        ("languages", ["english 91.1% 1.7%", "hindi 82.2% 2.6%", "mandarin 73.3% 3.5%"]),
        ("training", ["network 2 of 1 to 3 0.702 train 0.602 65.2% train 60.2%"]),
        ("splits", ["english 300.25 11.1% 200 speakers 301.25 12.1% 201 speakers 302.25 13.1% 202 speakers"]),
        ("splits", ["mandarin 320.25 31.1% 220 speakers 321.25 32.1% 221 speakers 322.25 33.1% 222 speakers"]),
        ("balance", ["class_weight", "english 300.25 61,000 25.1% 81,003 33.3%", "mandarin 320.25 101,000 41.6%"]),
        ("silence", ["Strategy mask", "english 74.1% 0", "hindi 84.1% 1", "mandarin 94.1% 2"]),
        ("leakage", ["No violation in 2 checks", "speaker in one split 0", "audio in one split 0"]),
        ("rejected", ["too_short such as a/b.wav : lasts 0.1 s 4", "unreadable such as c.wav : is text 1", "5 in all"]),
        ("more", ["model.units [64, 32]", "mfcc.fmax null", "silence.strategy mask", "seed 42"]),
    ],
)  # fmt: skip
def test_a_section_shows_its_numbers(plain: str, section: str, expected: list[str]) -> None:
    text = Page(plain).text(section)
    for words in expected:
        assert words in text


def test_every_parameter_is_listed(plain: str) -> None:
    text = Page(plain).text("more")
    for section, keys in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")).items():
        for name in [f"{section}.{key}" for key in keys] if isinstance(keys, dict) else [section]:
            assert f" {name} " in text


def test_shares_shade_the_confusion_matrix_by_row() -> None:
    answers = (
        [AnswerRow("english", "english")] * 3 + [AnswerRow("english", "hindi")] + [AnswerRow("hindi", "undecided")] * 2
    )
    page = Page(render(results(answers=answers)))
    shades = [found["style"] for tag, found in page.elements if tag == "td" and "style" in found]
    assert [float(shade.removeprefix("--share: ")) for shade in shades] == [0.75, 0.25, 0, 0, *[0, 0, 0, 1], *[0] * 4]
    assert "hindi 0 0.0% 0 0.0% 0 0.0% 2 100.0%" in page.text("confusion")
    assert "undecided" in page.text("confusion")


def test_figures_hold_their_values_as_text(plain: str) -> None:
    words = [re.findall(r">([^<>]+)</text>", figure) for figure in figures(plain)]
    assert len(words) == 6
    assert {"91.1%", "82.2%", "73.3%", "1.7%", "2.6%", "3.5%", "english", "recall", "EER"} <= set(words[0])
    assert {"epoch", "loss", "train", "validation", "best: epoch 2"} <= set(words[1])
    assert {"epoch", "accuracy", "best: epoch 2"} <= set(words[2])
    assert {"train", "val", "test", *LANGUAGES} <= set(words[3])
    assert {"minutes", "frames", "weighed", "25.1%", "33.3%", *LANGUAGES} <= set(words[4])
    assert {"74.1%", "84.1%", "94.1%"} <= set(words[5])


@pytest.mark.parametrize(("field", "moved"), [("loss", 1), ("val_loss", 1), ("accuracy", 2), ("val_accuracy", 2)])
def test_a_score_of_an_epoch_moves_its_own_curve(plain: str, field: str, moved: int) -> None:
    *others, last = results().history
    changed = results(history=[*others, dataclasses.replace(last, **{field: 0.75})])
    pairs = zip(figures(plain), figures(render(changed)), strict=True)
    assert [number for number, (before, after) in enumerate(pairs) if before != after] == [moved]


@pytest.mark.parametrize("name", ["val", "test"])
def test_minutes_of_a_split_move_their_figure(plain: str, name: str) -> None:
    splits = results().splits
    splits["hindi"][name]["minutes"] = 99
    pairs = zip(figures(plain), figures(render(results(splits=splits))), strict=True)
    assert [number for number, (before, after) in enumerate(pairs) if before != after] == [3]


def test_figures_and_pictures_are_told_in_words(plain: str) -> None:
    told = [found.get("aria-label") for tag, found in Page(plain).elements if tag == "svg"]
    assert all(told)
    assert len(set(told)) == len(told)
    assert all(found["alt"] for tag, found in Page(plain).elements if tag == "img")


def test_the_page_loads_nothing(plain: str) -> None:
    assert not re.search(r"https?:|@import|//\w", plain)
    assert set(re.findall(r"url\(\s*['\"]?(.)", plain)) <= {"#"}
    for tag, found in Page(plain).elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not {"srcset", "action", "poster", "data", "background"} & set(found)
        assert found.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        for name in ("href", "xlink:href"):
            assert found.get(name, "#").startswith("#")


def test_every_reference_inside_the_page_has_one_target(plain: str) -> None:
    ids = [found["id"] for _, found in Page(plain).elements if "id" in found]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'url\(#(\w+)\)|href="#(\w+)"', plain)) <= {(name, "") for name in ids} | {
        ("", n) for n in ids
    }


def test_the_network_is_embedded(plain: str) -> None:
    sources = [found["src"] for tag, found in Page(plain).elements if tag == "img"]
    assert [base64.b64decode(source.partition(",")[2]) for source in sources] == [PICTURE]


def test_tables_scroll_inside_the_page(plain: str) -> None:
    assert Page(plain).bare_tables == 0


@pytest.mark.parametrize("violations", [0, 1])
def test_names_are_text_and_never_markup(plain: str, violations: int) -> None:
    languages = (HOSTILE, "$x^2$", "<b>&lt;")
    tree = results(languages).params
    page = render(
        results(
            languages,
            rejected=[RejectedRow(HOSTILE, HOSTILE, HOSTILE)],
            leakage={HOSTILE: {"violations": violations, "examples": [HOSTILE]}},
            params={**tree, "corpus": {**tree["corpus"], "root": HOSTILE}},
        )
    )
    seen = Page(page)
    assert [tag for tag, _ in seen.elements if tag in ("script", "img", "b")] == ["img"]
    assert not [name for _, found in seen.elements for name in found if name.startswith("on")]
    for section in ("result", "confusion", "languages", "splits", "balance", "silence", "leakage", "rejected", "more"):
        assert HOSTILE in seen.text(section)
    assert page.count(">$x^2$</text>") == page.count(">&lt;b&gt;&amp;lt;</text>") == 4  # a figure each
    assert page.count("<svg") == plain.count("<svg") == page.count("</svg>")


def test_the_same_results_give_the_same_bytes_whatever_the_readers_matplotlib_is_set_to(plain: str) -> None:
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": "x", "lines.linewidth": 9}):
        assert render(results()) == plain
    assert "<metadata" not in plain  # it holds the date


def test_scripts_that_matplotlib_has_no_font_for_are_drawn_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = render(results(("english", "हिन्दी", "普通话")))
    assert page.count(">हिन्दी</text>") == 4
    assert page.count(">普通话</text>") == 4


def test_networks_of_an_ensemble_have_curves_and_a_best_epoch_each() -> None:
    history = [
        EpochRow(n, n // 4, 0.5, 0.5, loss, 0.5, 1.0) for n, loss in enumerate((0.3, 0.2, 0.4, 0.9, 0.7, 0.8), 1)
    ]
    manifests = results().manifests | {
        "balance": "ensemble",
        "ensemble": {"large": "hindi", "parts": [["a"], ["b"]], "others": ["english", "mandarin"]},
    }
    page = render(results(history=history, manifests=manifests))
    text = Page(page).text("training")
    assert "1 2 of 1 to 3 0.200" in text
    assert "2 5 of 4 to 6 0.700" in text
    assert (
        "the 2 parts of hindi and, as one class, all other languages; network 2 tells apart english , mandarin" in text
    )
    assert page.count(">best: epoch 2</text>") == 2
    assert page.count(">best: epoch 5</text>") == 2
    assert "each part of hindi" in Page(page).text("balance")


def test_the_best_epoch_is_the_first_with_the_lowest_validation_loss_that_is_a_number() -> None:
    losses = (float("nan"), 0.5, 0.4, 0.4)
    epochs = [EpochRow(n, 0, 1.0, 0.5, loss, 0.5, 1.0) for n, loss in enumerate(losses, 1)]
    assert best_epoch(epochs).epoch == 3
    assert "best: epoch 1" in render(results(history=epochs[:1]))


def test_where_the_audit_found_leaks_the_page_does_not_say_that_speakers_are_new() -> None:
    leakage = {"speaker_in_one_split": {"violations": 7, "examples": ["speaker ann is in test, train"]}}
    page = Page(render(results(leakage=leakage)))
    assert "never trained on" not in page.text("result")
    assert "may be too good: the leakage audit below found 7 violations" in page.text("result")
    assert "speaker in one split speaker ann is in test, train 7" in page.text("leakage")


@pytest.mark.parametrize("strategy", ["undersample", "oversample"])
def test_frames_picked_by_the_balance_are_not_passed_off_as_those_before_it(strategy: str) -> None:
    manifests = results().manifests | {"balance": strategy}
    assert "what there was before" in Page(render(results(manifests=manifests))).text("balance")


@pytest.mark.parametrize(
    ("strategy", "frames"), [("none", "all"), ("remove", "speech"), ("mask", "speech"), ("label", "all")]
)
def test_the_page_says_of_which_frames_the_accuracy_is(strategy: str, frames: str) -> None:
    tree = results().params
    page = render(results(params={**tree, "silence": {**tree["silence"], "strategy": strategy}}))
    assert f"of {frames} frames" in Page(page).text("result")


def test_nothing_rejected_is_said() -> None:
    assert "None: every recording could be used." in Page(render(results(rejected=[]))).text("rejected")


def _stage(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_stage_reads_what_the_others_write_and_names_what_is_missing(tmp_path: Path) -> None:
    made, artifacts = results(), tmp_path / "artifacts"
    for name, tree in {
        "evaluation/metrics": made.metrics, "splits/summary": made.splits, "manifests/summary": made.manifests,
        "trim/summary": made.trim, "audit/leakage": made.leakage,
    }.items():  # fmt: skip
        (artifacts / name).parent.mkdir(parents=True)
        (artifacts / f"{name}.json").write_text(json.dumps(tree), encoding="utf-8")
    tables.write(artifacts / "evaluation" / "confusion.csv", AnswerRow, made.answers)
    tables.write(artifacts / "model" / "history.csv", EpochRow, made.history)
    tables.write(artifacts / "ingest" / "rejected.csv", RejectedRow, made.rejected)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(re.sub(r"root: \S+", "root: recordings/of/mine", text), encoding="utf-8")

    missing = _stage(tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert str(Path("artifacts") / "model" / "model.png") in missing.stderr

    (artifacts / "model" / "model.png").write_bytes(PICTURE)
    done = _stage(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (artifacts / "report" / "index.html").read_text(encoding="utf-8") == render(made)
