"""The whole pipeline on recordings of real people, if they are available."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, Copy

SPEECH = ROOT.parent / "shared" / "speech"
SPEAKERS, TAKES = 4, 3  # per language, per speaker


@pytest.mark.skipif(not SPEECH.is_dir(), reason="no recordings of real people next to the project")
def test_the_table_layout_from_recordings_to_report(fresh: Callable[[], Copy]) -> None:
    copy = fresh()
    mine = copy.folder / "mine"
    chosen = choose(SPEECH / "metadata.csv")
    for row in chosen:
        (mine / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SPEECH / row["path"], mine / row["path"])
    with (mine / "metadata.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(chosen[0]))
        table.writeheader()
        table.writerows(chosen)
    copy.change(corpus={"root": "mine", "layout": "table"}, model={"cell": "lstm"}, balance={"strategy": "ensemble"})
    ran, _, printed = copy.repro()
    assert "report" in ran
    assert not list((copy.folder / "artifacts" / "data").rglob("*.wav")), printed  # no demo corpus is made
    artifacts = copy.folder / "artifacts"
    with (artifacts / "ingest" / "recordings.csv").open() as file:
        recordings = list(csv.DictReader(file))
    assert len(recordings) == len(chosen)
    assert all(row["licence"] for row in recordings)  # carried along
    assert json.loads((artifacts / "evaluation" / "metrics.json").read_text())["recordings"] >= 3


def choose(table: Path) -> list[dict[str, str]]:
    taken: dict[str, dict[str, int]] = {}
    chosen = []
    with table.open() as file:
        for row in csv.DictReader(file):
            speakers = taken.setdefault(row["language"], {})
            if row["speaker"] in speakers or len(speakers) < SPEAKERS:
                speakers[row["speaker"]] = speakers.get(row["speaker"], 0) + 1
                if speakers[row["speaker"]] <= TAKES:
                    chosen.append(row)
    return chosen
