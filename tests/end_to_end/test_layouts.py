"""Every layout from listing to features, as the sources of one corpus; and the homework's folder up to the report.

Stages run without DVC here. Nothing is written through a link.
"""

import csv
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.rows import SPLITS, FlagRow, RecordingRow, RejectedRow, SplitRow, VoiceRow
from pipeline.store.feature_store import FeatureStore
from tests.corpus.corpora import cached
from tests.corpus.published import LANGUAGES, PUBLISHED
from tests.end_to_end.conftest import STAGES, Copy
from tests.fingerprint.signals import RATE, voice
from tests.programs import digests


def speak(path: Path, number: int) -> None:
    """Three seconds of a voice; a call has another one on its second channel."""
    seed = sum(path.as_posix().encode()) * 100 + number
    sound = voice(seed, 3.0)
    if path.parent.name == "calls":
        sound = np.stack([sound, voice(seed + 50, 3.0)], axis=1)
    soundfile.write(path, sound, RATE)


def test_every_layout_goes_from_listing_to_features(fresh: Copy, tmp_path: Path) -> None:
    parts, root = {}, tmp_path / "published"
    for name, build in PUBLISHED.items():
        (root / name).mkdir(parents=True)
        parts[name] = build(root / name, speak)
    with (root / "commonvoice" / "en" / "reported.tsv").open("a") as table:
        table.write(f"{'1' * 64}\tHe said\ten\tgrammar-or-spelling\n")
    snapshot, blobs = cached(tmp_path / "hub", root / "fleurs")
    places = {name: root / name for name in parts} | {"fleurs": snapshot}
    fresh.change(
        corpus={
            "sources": [{"root": str(place), "layout": "auto", "name": name} for name, place in places.items()],
            "links": [str(blobs)],
            "languages": list(LANGUAGES),
            "labels": {0: "english", 2: "Mandarin"},
        }
    )
    fresh.stages("corpus", "ingest", "trim", "features")
    artifacts = fresh.folder / "artifacts"
    assert not tables.read(artifacts / "ingest" / "rejected.csv", RejectedRow)
    rows = tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)
    assert Counter(row.extra["source"] for row in rows) == {name: len(part.recordings) for name, part in parts.items()}
    flags = tables.read(artifacts / "ingest" / "flags.csv", FlagRow)
    reported = "commonvoice/en/clips/common_voice_en_18000001.mp3"
    assert [row.path for row in flags if row.flag == "reported"] == [reported]
    assert [row.extra["reported"] for row in rows if row.path == reported] == ["grammar-or-spelling"]
    store = FeatureStore.open(artifacts / "features.zarr")
    assert list(store.ids) == [row.recording for row in rows]
    assert not store.failed
    for row in rows:
        assert len(store.features(row.recording)) == 1 + row.samples // 160
        assert np.isfinite(store.features(row.recording)).all()

    calls = [row for row in rows if row.extra["source"] == "kaldi"]
    assert {(row.path, row.channel, row.start_s, row.duration_s, row.speaker, row.language) for row in calls} == {
        (f"kaldi/calls/{call}.wav", channel, start_s, 1.0, f"kaldi/spk{call}{side}", language)
        for call in range(2)
        for start_s in (0.0, 1.25)
        for channel, (side, language) in enumerate(zip("AB", LANGUAGES, strict=True), 1)
    }


@pytest.fixture
def linked(built: Copy, tmp_path: Path) -> Copy:
    """A copy of a finished run whose artifacts share their data with the run's, as DVC's cache and artifacts do."""
    copy = built.copied(tmp_path / "project", ".dvc", "artifacts")
    shutil.copytree(built.folder / "artifacts", copy.folder / "artifacts", copy_function=os.link)
    return copy


def test_stages_read_the_homework_with_two_changed_lines_and_write_nothing_through_links(
    built: Copy, linked: Copy
) -> None:
    (linked.folder / "homework").mkdir()
    labels: list[tuple[str, int]] = []
    for number in range(15):
        name = f"{number * 7919 % 1000:03d}.wav"
        soundfile.write(linked.folder / "homework" / name, voice(number, 12.0), RATE)
        labels.append((name, number % 3))
    with (linked.folder / "homework" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *labels])
    parameters = linked.folder / "params.yaml"
    text = parameters.read_text()
    for key in ("layout", "root"):
        text = re.sub(rf"(?m)^(  ){key}: .*$", rf"\1{key}: homework", text)
    assert len(set(text.splitlines()) - set(parameters.read_text().splitlines())) == 2
    parameters.write_text(text)
    artifacts, before = linked.folder / "artifacts", digests(built.folder / "artifacts")
    linked.stages(*STAGES)
    assert digests(built.folder / "artifacts") == before
    after = digests(artifacts)
    assert {name.partition("/")[0] for name in before if after.get(name) != before[name]} >= {
        "audio", "corpus", "data", "evaluation", "features.zarr", "ingest", "manifests", "model", "report", "splits",
        "streaming", "trim",
    }  # fmt: skip
    page = (artifacts / "report" / "index.html").read_text()
    first = page[page.index("<body") : page.index('id="confusion"')]
    assert "SPEAKERS ARE NOT KNOWN for 15 of 15 recordings: a voice may be on both sides of a split" in first
    assert "Every file counts as a speaker of its own" in first
    assert "speakers that the network was never trained on" not in first

    linked.change(corpus={"speakers": "cluster"})
    printed = linked.stages(*(stage for stage in STAGES if stage not in ("demo", "train", "export")))
    voices = {row.recording: row.speaker for row in tables.read(artifacts / "speakers" / "voices.csv", VoiceRow)}
    assert len(voices) == 15
    assert "15 recordings of unknown speakers" in printed
    for name in SPLITS:
        for row in tables.read(artifacts / "splits" / f"{name}.csv", SplitRow):
            assert row.speaker == voices[row.recording]
    assert "similar voices are kept together" in (artifacts / "report" / "index.html").read_text()
