"""A made-up set of results, and a report as a browser would read it."""

import copy
import dataclasses
import math
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import params, rows
from pipeline.ablation import grid
from pipeline.dataset import counts
from pipeline.report.answers import Answer
from pipeline.report.commit import Commit
from pipeline.report.examples import AudioExample
from pipeline.report.page import Results
from pipeline.streaming.timeline import Segment
from tests.export import small

ROOT = Path(__file__).parents[2]
LANGUAGES = ("english", "hindi", "mandarin")
RATE_HZ = 16_000
VOID = {"meta", "img", "br", "link", "input", "base", "embed"}


class Page(HTMLParser):
    """A page as a browser parses it: its elements with their attributes, and the text of each section."""

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
        if tag == "table" and "scroll" not in self.inside[-1].split():
            self.bare_tables += 1
        if tag not in VOID:
            self.inside.append(found.get("class", tag))

    def handle_endtag(self, tag: str) -> None:
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.sections and not {"style", "svg"} & set(self.inside):
            self.sections[list(self.sections)[-1]].append(data)

    def text(self, section: str) -> str:
        """The words of a section outside its figures, on one line."""
        return " ".join(" ".join(self.sections[section]).split())


def amounts(minutes: float, share: float) -> dict[str, dict[str, float]]:
    """Minutes and shares of a language, source or speaker, different for each measure."""
    return {
        measure: {"minutes": minutes + n / 10, "share": round(share + n / 100, 4)}
        for n, measure in enumerate(counts.MEASURES)
    }


def share(value: float, *interval: float) -> dict[str, Any]:
    """A share with its interval, if it has one."""
    return {"share": value, "interval": interval or None}


def recording(name: str, language: str, n: int) -> rows.RecordingRow:
    return rows.RecordingRow(
        name, "p", language, "s", "g", 5.0 + n, 9, 16_000, 1, "WAV", "", -1.0, -20.0 - n, 0.0, 0.0,
        bandwidth_hz=7000.0, noise_floor_dbfs=-60.0 + n,
    )  # fmt: skip


def make_results(languages: tuple[str, ...] = LANGUAGES, **changes: Any) -> Results:
    """Results in which all numbers differ; changes of fields of `Results` or of its files, by name."""
    first, second, third = languages
    tree = params.load(ROOT / "params.yaml").model_dump()
    tree["corpus"] |= {"languages": languages, "root": "recordings/of/mine"}
    tree["silence"]["strategy"] = "mask"

    def by_language(*values: Any) -> dict[str, Any]:
        return dict(zip(languages, values, strict=True))

    def part(minutes: float, share: float, number: int) -> dict[str, float]:
        return {"minutes": minutes, "share": share, "speakers": number, "effective_speakers": 17.5}

    def trained_on(name: str, row: int) -> dict[str, Any]:
        whole = amounts(400.5 + 10 * row, 0.25 + 0.08 * row)
        largest = {f"{name} {n}": amounts(40.5 + 10 * row - n, 0.09 - 0.01 * n) for n in (0, 1)}
        return {**whole, "speakers": 40 + row, "sources": {"": whole}, "largest_speakers": largest}

    sound = {"minutes": 12.5, "duration_s": 7.25, "sample_rate": 16000, "bandwidth_hz": 7750.0, "rms_dbfs": -23.4}
    sounds = [{"recordings": 50 + row, **sound, "noise_floor_dbfs": -61.0, "flags": {}} for row in range(3)]
    sounds[1]["flags"] = {"clipped": 3, "narrow": 1}
    shares = {"recording_accuracy": 0.871, "macro_recall": 0.862, "frame_accuracy": 0.853}
    costs = {"c_avg": 0.0644, "min_c_avg": 0.0533, "c_llr": 0.3111, "ece": 0.0422}
    numbers = {"recordings": 14, "speakers": 13, "speakers_needed": 40, "temperature": 1.234}
    found = {"score": 0.9234, "low": 0.8123, "high": 0.9812}
    hum = {"recordings": 17, "called": share(0.9871, 0.8765, 0.9987), "called_at_lost": share(0.1234)}
    early = (*shares, *costs)
    files: dict[str, Any] = {
        "metrics": {
            **shares,
            **costs,
            **numbers,
            **dict.fromkeys(("unknown", "paired", "other")),
            "recall": by_language(0.911, 0.822, 0.733),
            "eer": by_language(0.0171, 0.0262, 0.0353),
            "precision": by_language(0.921, 0.832, 0.743),
            "f1": by_language(0.916, 0.827, 0.738),
            "speakers_by_language": by_language(6, 4, 3),
            "intervals": {
                **dict.fromkeys(shares, (0.5111, 0.9222)),
                "c_avg": (0.0222, 0.1333),
                "c_llr": (0.2111, 0.4111),
                "recall": by_language((0.61, 0.99), (0.52, 0.98), None),
            },
            "after": {
                "1 s": dict.fromkeys(early, 0.777) | {"recordings": 12, "intervals": dict.fromkeys(early, (0.6, 0.8))},
                "30 s": {"recordings": 2},
            },
            "stream": {
                "seconds_until_right": 0.77,
                "decision_changes": 1.44,
                "drift_by_minute": {language: [0.9, 0.8] for language in languages},
            },
            "timeline": {
                "streams": 200,
                "changes": 301,
                "near_s": 1.5,
                "found": share(0.9321, 0.9021, 0.9521),
                "false_per_minute": 1.0832,
                "wrong": share(0.0671, 0.0571, 0.0771),
                "wrong_without_change": share(0.0631),
                "delay_s": 0.8,
                "delay_after_ten_minutes_s": None,
            },
            "open_set": {
                "lost": 0.0512,
                "below": 0.6789,
                "kinds": {"<i>hum": hum},
            },
        },
        "det": [rows.DetRow(language, n / 4, 1 - n / 4) for language in languages for n in range(5)],
        "description": small.described("mask", weights=37_971).model_dump()
        | dict.fromkeys(("languages", "classes"), languages),
        "history": [
            rows.EpochRow(1, 0, 0.9011, 0.4012, 0.8013, 0.5014, 12.5),
            rows.EpochRow(2, 0, 0.6021, 0.6022, 0.7023, 0.6524, 12.5),
            rows.EpochRow(3, 0, 0.3031, 0.8032, 0.7523, 0.7034, 12.5),
        ],
        "splits": {
            language: {
                name: part(300.25 + 10 * row + n, 0.111 + 0.1 * row + 0.01 * n, 200 + 10 * row + n)
                for n, name in enumerate(rows.SPLITS)
            }
            for row, language in enumerate(languages)
        },
        "search": {"notes": ["hindi: no group is left for val"], "groups": 99, "solver": 0.25, "bound": 0.2},
        "manifests": {
            "silence": "mask",
            "balance": "class_weight",
            "ensemble": None,
            "note": None,
            "ratio": {"before": 1.66, "after": 1.57},
            "minutes": {name: trained_on(name, row) for row, name in enumerate(languages)},
        },
        "trim": {name: {"speech": 0.741 + 0.1 * row, "without_speech": row} for row, name in enumerate(languages)},
        "leakage": {name: {"violations": 0, "examples": []} for name in ("speaker_in_one_split", "audio_in_one_split")},
        "speakers": {"recordings": 14, "file": 0, "cluster": 0, "sentence": ""},
        "ingest": {"notes": ["read as layout 'folders'"], "quality": {"language": by_language(*sounds), "source": {}}},
        "confounds": {
            "chance": 0.3333,
            "score": 0.6123,
            "low": 0.5012,
            "high": 0.7234,
            "unknown": [],
            "sources": None,
            "measures": [{"measure": "duration", "language": second, "advice": "cut all alike", **found}],
        },
        "rejected": [rows.RejectedRow("a/b.wav", "too_short", "lasts 0.1 s")] * 4
        + [rows.RejectedRow("c.wav", "unreadable", "is text")],
        "recordings": [recording(f"{split}{n}", name, n) for split in rows.SPLITS for n, name in enumerate(languages)],
    }
    made = Results(
        params=tree,
        files=files,
        answers=made_answers(languages, [(first, first)] * 9 + [(second, third)] * 2 + [(third, third)] * 3),
        equality=[
            rows.EqualityRow("model.tflite", 0, 9.2e-5, 4.2e-7),
            rows.EqualityRow("model.onnx", 0, 9.1e-5, 3.3e-7),
        ],
        split_rows={
            split: [rows.SplitRow(f"{split}{n}", name, f"{split} {n}", "g", 60.0) for n, name in enumerate(languages)]
            for split in rows.SPLITS
        },
        examples=[],
        corpus_id="c0c0a",
        synthetic=False,
        provenance=Commit("beef123", "2026-01-02", True, {}),
    )
    return changed(made, **changes)


def changed(results: Results, **changes: Any) -> Results:
    """Results with other fields or files, by name."""
    files = {name: changes.pop(name, content) for name, content in results.files.items()}
    return dataclasses.replace(results, files=files, **changes)


def with_leaves(results: Results, values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of results with other values, by their full names."""
    tree = copy.deepcopy(dict(results.params))
    grid.put(tree, values)
    return tree


def made_answers(languages: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Answer]:
    """Answers to recordings of a minute, one speaker each, given the languages spoken and answered."""
    found = []
    for number, (spoken, answered) in enumerate(pairs):
        posteriors = {name: "0.7" if name == answered else "0.1" for name in languages}
        row = rows.SplitRow(f"r{number}", spoken, f"speaker {number}", "g", 60.0)
        decision = rows.DecisionRow(row.recording, spoken, answered, 0.7, posteriors)
        right_s = 1.0 + number if spoken == answered else math.inf
        found.append(Answer(row, decision, rows.StreamRow(row.recording, 40.0, right_s, 2)))
    return found


def example(answer: Answer, number: int = 1, classes: Sequence[str] = LANGUAGES) -> AudioExample:
    """Two seconds of an answer: a tone, then silence that the network does not see."""
    samples = np.zeros(2 * RATE_HZ, np.int16)
    samples[:RATE_HZ] = 9000 * np.sin(np.arange(RATE_HZ) / 9)
    frames = [
        rows.FrameRow(answer.row.recording, n, n / 100, int(n < 100), dict.fromkeys(classes, "0.25" if n < 100 else ""))
        for n in range(200)
    ]
    row = rows.ExampleRow(answer.row.recording, "right", 2.0)
    segments = [Segment(0.5, 1.5, LANGUAGES[0], 0.9, True), Segment(1.5, 2.0, LANGUAGES[1], 0.8, True)]
    return AudioExample(number, row, answer, samples, RATE_HZ, frames, segments)


def everything() -> Results:
    """Results with every optional part of the page."""
    made = make_results()
    pairs = [("english", "english")] * 3 + [("english", "hindi")] + [("hindi", "undecided")] * 2
    answers = made_answers(LANGUAGES, pairs)
    silent = example(answers[4], 3)
    unheard = [dataclasses.replace(row, speech=0) for row in silent.frames]
    minutes, intervals = made.files["manifests"]["minutes"], made.files["metrics"]["intervals"]
    two = {"": amounts(7.25, 0.31), "radio": amounts(8.25, 0.69)}
    scores: dict[str, Any] = {"recordings": 21, "speakers": 7, "recording_accuracy": 0.2345, "macro_recall": 0.3456}
    by_source = {"recall": {"hindi": {"tv": 0.25, "<b>": 0.3456}}, "macro_recall": 0.4567, "interval": (0.0123, 0.7654)}
    other = {**scores, "by_source": by_source, "intervals": intervals}
    committed = {"recording_accuracy": 0.5123, "macro_recall": 0.4123, "c_avg": None}
    return changed(
        made,
        params=with_leaves(made, {"silence.strategy": "label", "split.holdout": {"source": ("tv", "<b>")}}),
        metrics={**made.files["metrics"], "other": other},
        answers=answers,
        examples=[
            example(answers[0], 1),
            example(answers[3], 2),
            dataclasses.replace(silent, samples=silent.samples * 0, frames=unheard),
            dataclasses.replace(example(answers[5], 4), frames=[]),
        ],
        history=[
            rows.EpochRow(n, n // 4, 0.5, 0.5, loss, 0.5, 1.0)
            for n, loss in enumerate((0.3, 0.2, 0.4, 0.9, 0.7, 0.8), 1)
        ],
        manifests={
            **made.files["manifests"],
            "balance": "ensemble",
            "ensemble": {"large": "hindi", "parts": [["a"], ["b"]], "others": ["english", "mandarin"]},
            "note": "no <speaker> is left",
            "minutes": {**minutes, "hindi": {**minutes["hindi"], "sources": two}},
        },
        leakage={"speaker_in_one_split": {"violations": 7, "examples": ["speaker ann is in test, train"]}},
        confounds={
            **{"chance": 0.3333, "score": 0.35, "low": 0.3, "high": 0.4, "measures": [], "unknown": []},
            "sources": {
                "source": {"score": 0.62, "low": 0.53, "high": 0.71, "chance": 0.09},
                "language": {"score": 0.22, "low": 0.12, "high": 0.32, "chance": 0.3333},
            },
        },
        synthetic=True,
        usual={"runs": 10, "recording_accuracy": [0.9, 1.0], "macro_recall": [0.8, 0.95], "c_avg": [0.01, 0.07]},
        provenance=Commit("beef123", "2026-01-02", False, committed),
        comparison=comparison(),
    )


def nothing() -> Results:
    """Results of an offline model without answers, of which little else is known."""
    made = make_results()
    return changed(
        made,
        params=with_leaves(made, {"split.method": "hash"}),
        description={**made.files["description"], "streaming": False},
        equality=[],
        answers=[],
        history=[rows.EpochRow(1, 0, 1.0, 0.5, math.nan, 0.5, 1.0)],
        search={"notes": []},
        confounds=dict.fromkeys(("chance", "score", "low", "high", "sources")) | {"measures": [], "unknown": ["hindi"]},
        rejected=[],
        provenance=None,
    )


def comparison(corpus: str = "") -> list[rows.ComparisonRow]:
    """Two cells of an ablation: the second is more accurate, and its time is not known."""
    means: dict[rows.Measure, tuple[float, float]] = {
        "recording_accuracy": (0.7111, 0.9333), "macro_recall": (0.6222, 0.9444), "c_avg": (0.1234, 0.0567),
        "hours": (0.5, 0.75), "minutes": (1.5, math.nan),
    }  # fmt: skip
    return [
        rows.ComparisonRow(
            cell, 3, "c0ffee", corpus, measure, mean, mean - 0.05, mean + 0.05,
            best=int(measure == "recording_accuracy" and cell == "mask"), extra={"silence.strategy": cell},
        )
        for number, cell in enumerate(("none", "mask"))
        for measure, both in means.items()
        for mean in [both[number]]
    ]  # fmt: skip
