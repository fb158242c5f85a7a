"""The exported model with its card: it loads, its numbers are those of the run, and a changed one is found."""

import re

import yaml

from pipeline import checksums
from pipeline.streaming.identifier import Identifier
from tests.end_to_end.conftest import Copy


def test_the_card_of_a_model_has_the_scores_of_the_run(tiny: Copy) -> None:
    tiny.succeed("lid", "export", "model", "../model")
    out = tiny.folder.parent / "model"
    assert Identifier.load(out).description.languages == ("english", "hindi", "mandarin")
    card = out / "README.md"
    text = card.read_text(encoding="utf-8")
    metrics = checksums.read_json(tiny.folder / "artifacts" / "evaluation" / "metrics.json")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["language"] == ["en", "hi", "zh"]
    [result] = head["model-index"][0]["results"]
    for one in result["metrics"]:
        assert one["value"] == metrics[one["type"]]
    interval = metrics["intervals"]["macro_recall"]
    within = "{:.4f} to {:.4f}".format(*interval) if interval else "not known"
    assert f"| {metrics['macro_recall']:.4f} | {within} |" in text
    assert "What it must not be used for" in text
    assert "files are what the run gives" in tiny.succeed("lid", "verify", "../model")

    numbers = [found.start() for found in re.finditer(r"\d", text)]
    for at in numbers[:: len(numbers) // 4]:
        card.write_text(f"{text[:at]}{9 - int(text[at])}{text[at + 1 :]}", encoding="utf-8")
        line = text[:at].count("\n") + 1
        assert f"README.md is not what the run gives, from line {line} on" in tiny.refusal("lid", "verify", "../model")
