"""A real `dvc repro`: which stages run, which do not, and which are restored."""

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from pipeline import checksums, tables
from pipeline.rows import SplitRow
from tests.end_to_end.conftest import ALWAYS, Copy
from tests.programs import digests, heed_interrupts

AFTER_SWAP = {"balance", "audit", "train", "export", "evaluate", "report"}
USE_SCIKIT_LEARN = {"audit", "evaluate", "report", "speakers"}
SCORES = ("recording_accuracy", "macro_recall", "frame_accuracy", "c_avg")  # that `dvc metrics` compares
UNCACHED = {"summary"}  # git has its outputs, not DVC's run cache


def test_a_second_run_changes_nothing_and_says_so(tiny: Copy) -> None:
    ran, restored, _ = tiny.repro()
    assert (ran, restored) == (ALWAYS, set())
    assert "files in artifacts/data/demo: up to date" in tiny.stages("corpus")


def test_another_strategy_reruns_later_stages_and_the_old_one_restores_them(tiny: Copy) -> None:
    before = digests(tiny.folder / "artifacts")
    tiny.change(silence={"strategy": "mask"})
    ran, restored, _ = tiny.repro()
    assert (ran, restored) == (AFTER_SWAP | UNCACHED | ALWAYS, set())
    classes = json.loads((tiny.folder / "artifacts/streaming/streaming.json").read_text())["classes"]
    assert classes == ["english", "hindi", "mandarin"]

    tiny.change(silence={"strategy": "label"})
    ran, restored, _ = tiny.repro()
    assert (ran, restored) == (ALWAYS | UNCACHED, AFTER_SWAP)
    assert digests(tiny.folder / "artifacts") == before


def test_every_artifact_is_described_with_its_columns_and_every_score(tiny: Copy) -> None:
    text = (tiny.folder / "artifacts" / "README.md").read_text()
    for table in sorted((tiny.folder / "artifacts").rglob("*.csv")):
        if "data" in table.parts:
            continue
        assert table.name in text, table
        with table.open() as file:
            for column in next(csv.reader(file)):
                assert f"`{column}`" in text or column in ("english", "hindi", "mandarin"), (table, column)
    section = text.split("## evaluation/metrics.json")[1].split("\n## ")[0]
    cells = re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)
    written = json.loads((tiny.folder / "artifacts/evaluation/metrics.json").read_text())
    assert sorted(written) == sorted(name for cell in cells for name in re.findall(r"`(\w+)`", cell))


def test_metrics_show(tiny: Copy) -> None:
    assert max(map(len, tiny.succeed("dvc", "metrics", "show").splitlines())) <= 100
    shown = json.loads(tiny.succeed("dvc", "metrics", "show", "--json"))[""]["data"]
    written = json.loads((tiny.folder / "artifacts/evaluation/metrics.json").read_text())
    assert shown == {"artifacts/summary/metrics.json": {"data": {name: written[name] for name in SCORES}}}


def test_interrupting_prints_the_answer_so_far(tiny: Copy) -> None:
    command = [str(Path(sys.executable).parent / "lid"), "identify", "--frames", "--rate", "16000", "-"]

    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tiny.folder, stdin=pipe, stdout=pipe, preexec_fn=heed_interrupts) as heard:
        assert heard.stdin and heard.stdout
        heard.stdin.write(np.random.default_rng(0).integers(-9000, 9000, 48000, np.int16).tobytes())
        heard.stdin.flush()
        lines = [heard.stdout.readline() for _ in range(50)]  # it has answered, and waits for more
        heard.send_signal(signal.SIGINT)
        lines += heard.stdout.readlines()
        assert heard.wait(timeout=20) == 130
    numbers = [int(line.split(b",")[1]) for line in lines[1:]]
    assert numbers == list(range(len(numbers)))  # whole lines without a gap
    assert 50 < len(numbers) <= 301


def test_what_can_not_be_opened_is_one_line(tiny: Copy) -> None:
    silent = {"AUDIODEV": "nowhere", "AUDIODRIVER": "alsa"}
    assert tiny.refusal("lid", "listen", environment=silent).startswith("error: the microphone can't be opened")
    assert "standard input is closed" in tiny.refusal("sh", "-c", "lid identify --rate 16000 - <&-")
    file = str(min((tiny.folder / "artifacts/data/demo").rglob("*.wav")))
    for name in ("x" * 300, "\x1b[31mred\n.wav", "\udcff.wav"):
        tiny.refusal("lid", "identify", "--json", name)
    done = tiny.run("lid", "identify", "--json", "nowhere.wav", file)  # the others are answered
    assert (done.returncode, json.loads(done.stdout)["path"]) == (2, file)


def test_a_language_held_out_is_unknown_to_the_network_and_tested_as_such(built: Copy, tmp_path: Path) -> None:
    project = built.copied(tmp_path / "project")
    project.change(split={"holdout": {"language": "hindi"}})
    printed = project.stages("split", "balance", "audit", "train", "export", "evaluate", "summary", "report")
    metrics = json.loads((project.folder / "artifacts/evaluation/metrics.json").read_text())
    assert list(metrics["recall"]) == ["english", "mandarin"]
    assert "hindi" in metrics["open_set"]["kinds"]
    assert "of held-out languages" in printed
    assert "hindi" not in project.succeed("lid", "evaluate").partition("skipped")[0]
    assert "together" in project.succeed("lid", "plan")


def test_an_upgrade_reruns_the_stages_that_it_affects(tiny: Copy) -> None:
    """After the tests above, because it leaves another version behind."""
    metadata = tiny.folder / "scikit_learn-99.0.dist-info"  # found before the installed one
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 99.0\n")
    tiny.repro("--single-item", "versions")
    assert json.loads((tiny.folder / "artifacts" / "versions.json").read_text())["scikit-learn"] == "99.0"
    status = json.loads(tiny.succeed("dvc", "status", "--json"))
    assert {name for name, news in status.items() if any(isinstance(part, dict) for part in news)} == USE_SCIKIT_LEARN


def test_a_leak_in_the_written_splits_ends_the_audit(tiny: Copy) -> None:
    """Last, because it leaves a leaky split."""
    splits = tiny.folder / "artifacts" / "splits"
    leaked, test = (tables.read(splits / f"{name}.csv", SplitRow) for name in ("train", "test"))
    tables.write(splits / "test.csv", SplitRow, [*test, leaked[0]])
    checksums.seal(splits)
    refused = tiny.refusal("python", "-m", "stages.audit")
    found = rf"recording {re.escape(leaked[0].recording)} is in test, train"
    assert re.fullmatch(rf"error: \d+ leak\(s\) between splits: {found}; see .*leakage\.json", refused)
    findings = json.loads((tiny.folder / "artifacts/audit/leakage.json").read_text())
    assert {check for check, found in findings.items() if found["violations"]} == {
        f"{shared}_in_one_split" for shared in ("recording", "speaker", "source", "audio", "speech")
    }
