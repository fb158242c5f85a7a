"""Nothing is written through a link: DVC's cache and a file below artifacts/ may be one file with two names."""

import os
import shutil
import sys
from pathlib import Path

from tests.end_to_end.conftest import STAGES, Copy
from tests.end_to_end.test_repro import digests


def test_no_stage_run_by_hand_writes_into_files_that_share_their_data_with_others(tiny: Copy, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "project")
    shutil.copytree(tiny.folder, copy.folder, ignore=shutil.ignore_patterns(".dvc", "artifacts"))
    shutil.copytree(tiny.folder / "artifacts", copy.folder / "artifacts", copy_function=os.link)
    before = digests(tiny.folder / "artifacts")
    copy.change(seed=7, demo={"seed": 7}, silence={"threshold": 2.0}, mfcc={"n_mfcc": 20})
    for stage in STAGES:
        copy.succeed(sys.executable, "-m", f"stages.{stage}")
        assert digests(tiny.folder / "artifacts") == before, stage
    after = digests(copy.folder / "artifacts")
    assert {name.partition("/")[0] for name in before if after.get(name) != before[name]} >= {
        "audio", "corpus", "data", "evaluation", "features.zarr", "ingest", "manifests", "model", "report", "splits",
        "streaming", "trim",
    }  # fmt: skip
