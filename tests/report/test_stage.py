"""The stage `report`: it reads the artifacts of the other stages."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.report.ablation import corpus_id
from pipeline.report.page import render
from pipeline.rows import AnswerRow, ComparisonRow, DetRow, EpochRow, RejectedRow
from tests.report.sample import PICTURE, ROOT, comparison, make_results


def _stage(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_stage_reads_the_output_of_the_others_and_names_a_missing_file(tmp_path: Path) -> None:
    made, artifacts = make_results(), tmp_path / "artifacts"
    for name, tree in {
        "evaluation/metrics": made.metrics, "splits/summary": made.splits, "splits/search": made.search,
        "manifests/summary": made.manifests,
        "trim/summary": made.trim, "audit/leakage": made.leakage, "audit/confounds": made.confounds,
        "audit/speakers": made.speakers, "ingest/summary": made.ingest,
    }.items():  # fmt: skip
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / f"{name}.json").write_text(json.dumps(tree), encoding="utf-8")
    (artifacts / "corpus").mkdir()
    (artifacts / "corpus" / "files.csv").write_text("path\n", encoding="utf-8")
    known = comparison(corpus_id(b"path\n"))
    tables.write(tmp_path / "ablation" / "table.csv", ComparisonRow, known + comparison("another"))
    tables.write(artifacts / "evaluation" / "confusion.csv", AnswerRow, made.answers)
    tables.write(artifacts / "evaluation" / "det.csv", DetRow, made.det)
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
    assert (artifacts / "report" / "index.html").read_text(encoding="utf-8") == render(
        dataclasses.replace(made, comparison=known)
    )
