"""The whole pipeline on recordings of real people, if they are available."""

import csv
import json
import shutil
from pathlib import Path

from pipeline import tables
from pipeline.rows import RecordingRow
from tests.audio.signals import SPEECH, real_speech
from tests.end_to_end.conftest import STAGES, Copy

SPEAKERS, TAKES = 4, 3  # per language, per speaker


@real_speech
def test_the_table_layout_from_recordings_to_report(fresh: Copy) -> None:
    mine, artifacts = fresh.folder / "mine", fresh.folder / "artifacts"
    chosen = choose(SPEECH / "metadata.csv")
    for row in chosen:
        (mine / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SPEECH / row["path"], mine / row["path"])
    with (mine / "metadata.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(chosen[0]))
        table.writeheader()
        table.writerows(chosen)
    fresh.change(corpus={"root": "mine", "layout": "table"}, model={"cell": "lstm"}, balance={"strategy": "ensemble"})
    printed = fresh.stages(*STAGES)
    assert not list((artifacts / "data").rglob("*.wav")), printed  # no demo corpus is made
    recordings = tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)
    assert len(recordings) == len(chosen)
    assert all(row.extra["licence"] for row in recordings)  # carried along
    assert json.loads((artifacts / "evaluation" / "metrics.json").read_text())["recordings"] >= 3
    assert (artifacts / "report" / "index.html").is_file()


def choose(table: Path) -> list[dict[str, str]]:
    """Return rows of the first speakers of each language."""
    takes: dict[str, dict[str, list[dict[str, str]]]] = {}
    with table.open() as file:
        for row in csv.DictReader(file):
            takes.setdefault(row["language"], {}).setdefault(row["speaker"], []).append(row)
    speakers = [own for of_language in takes.values() for own in list(of_language.values())[:SPEAKERS]]
    return [row for own in speakers for row in own[:TAKES]]
