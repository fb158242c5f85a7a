"""A real `dvc repro`: what runs, what does not, and what is restored."""

import csv
import hashlib
import json
from pathlib import Path

from tests.end_to_end.conftest import Copy

AFTER_SWAP = {"balance", "audit", "train", "export", "evaluate", "report"}


def digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_second_run_changes_nothing_and_says_so(tiny: Copy) -> None:
    ran, restored, printed = tiny.repro()
    assert not ran | restored
    assert "Data and pipelines are up to date" in printed


def test_a_swap_of_strategy_runs_what_follows_and_a_swap_back_restores_it(tiny: Copy) -> None:
    before = digests(tiny.folder / "artifacts")
    tiny.change(silence={"strategy": "label"})
    ran, restored, _ = tiny.repro()
    assert (ran, restored) == (AFTER_SWAP, set())
    classes = json.loads((tiny.folder / "artifacts/streaming/streaming.json").read_text())["classes"]
    assert classes == ["english", "hindi", "mandarin", "silence"]

    tiny.change(silence={"strategy": "mask"})
    ran, restored, _ = tiny.repro()
    assert (ran, restored) == (set(), AFTER_SWAP)
    assert digests(tiny.folder / "artifacts") == before


def test_every_artifact_is_described_with_its_columns(tiny: Copy) -> None:
    text = (tiny.folder / "artifacts" / "README.md").read_text()
    for table in sorted((tiny.folder / "artifacts").rglob("*.csv")):
        if "data" in table.parts:
            continue
        assert table.name in text, table
        with table.open() as file:
            for column in next(csv.reader(file)):
                assert f"`{column}`" in text or column in ("english", "hindi", "mandarin"), (table, column)


def test_metrics_and_plots_show(tiny: Copy) -> None:
    shown = json.loads(tiny.run("dvc", "metrics", "show", "--json").stdout)
    metrics = shown[""]["data"]["artifacts/evaluation/metrics.json"]["data"]
    names = ["frame_accuracy", "recording_accuracy", "macro_recall", "recall", "c_avg", "eer", "recordings", "speakers"]
    assert list(metrics) == names
    plotted = tiny.run("dvc", "plots", "show", "--json")
    data = json.loads(plotted.stdout)
    assert not data.get("errors")
    assert set(data["data"]) == {"loss", "accuracy", "confusion"}


def test_a_trained_model_answers_from_the_command_line(tiny: Copy) -> None:
    files = sorted((tiny.folder / "artifacts/data/demo").rglob("*.wav"))[:2]
    done = tiny.run("lid", "identify", "--json", *map(str, files))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["path"] for answer in answers] == [str(file) for file in files]
    for answer in answers:
        assert list(answer) == ["path", "language", "confidence", "posteriors", "duration_s", "frames"]
        assert answer["language"] == max(answer["posteriors"], key=answer["posteriors"].get)
        assert answer["confidence"] == answer["posteriors"][answer["language"]]
        assert answer["frames"] == 1 + round(answer["duration_s"] * 16000) // 160
        assert abs(sum(answer["posteriors"].values()) - 1) < 1e-4


def test_info_tells_what_the_store_holds(tiny: Copy) -> None:
    done = tiny.run("lid", "info")
    assert done.returncode == 0, done.stderr
    assert "frames of 64 MFCCs" in done.stdout
    assert "mandarin" in done.stdout
