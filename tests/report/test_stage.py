"""The stage `report`: it reads the artifacts of the other stages."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import checksums, tables
from pipeline.report.ablation import corpus_id
from pipeline.report.page import TABLES, TREES, Results, render
from pipeline.rows import (
    ComparisonRow,
    DecisionRow,
    EpochRow,
    EqualityRow,
    ExampleRow,
    FrameRow,
    SplitRow,
    StreamRow,
)
from tests.report.sample import ROOT, comparison, make_results


def _stage(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _artifacts(folder: Path) -> tuple[Results, list[ComparisonRow]]:
    """Write what the other stages would have written; the results, and the comparison for this corpus."""
    made, artifacts = make_results(provenance=None), folder / "artifacts"
    for name, file in TREES.items():
        (artifacts / file).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / file).write_text(json.dumps(getattr(made, name)), encoding="utf-8")
    for name, (file, kind) in TABLES.items():
        if name != "history":
            tables.write(artifacts / file, kind, getattr(made, name))
    (artifacts / "corpus").mkdir()
    (artifacts / "corpus" / "files.csv").write_text("path\n", encoding="utf-8")
    known = comparison(corpus_id(b"path\n"))
    tables.write(folder / "ablation" / "table.csv", ComparisonRow, known + comparison("another"))
    evaluation = artifacts / "evaluation"
    tables.write(evaluation / "recordings.csv", DecisionRow, [answer.decision for answer in made.answers])
    tables.write(evaluation / "stream.csv", StreamRow, [answer.stream for answer in made.answers])
    tables.write(evaluation / "examples.csv", ExampleRow, [])
    tables.write(evaluation / "frames.csv", FrameRow, [])
    tables.write(artifacts / "streaming" / "equality.csv", EqualityRow, made.equality)
    split_rows = dict(made.split_rows) | {"test": [answer.row for answer in made.answers]}
    for name, rows in split_rows.items():
        tables.write(artifacts / "splits" / f"{name}.csv", SplitRow, rows)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(re.sub(r"root: \S+", "root: recordings/of/mine", text), encoding="utf-8")
    for sealed in artifacts.iterdir():
        checksums.seal(sealed)
    return dataclasses.replace(made, corpus_id=corpus_id(b"path\n"), split_rows=split_rows), known


@pytest.mark.slow
def test_the_stage_reads_the_output_of_the_others_and_names_a_missing_file(tmp_path: Path) -> None:
    made, known = _artifacts(tmp_path)
    artifacts = tmp_path / "artifacts"
    missing = _stage(tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert str(Path("artifacts") / "model" / "history.csv") in missing.stderr

    tables.write(artifacts / "model" / "history.csv", EpochRow, made.history)
    checksums.seal(artifacts / "model")
    done = _stage(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (artifacts / "report" / "index.html").read_text(encoding="utf-8") == render(
        dataclasses.replace(made, comparison=known)
    )
    assert "87.1% (51.1% to 92.2%) of 14 test recordings of 13 speakers are recognised" in done.stdout
