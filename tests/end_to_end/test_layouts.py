"""Every layout from listing to features, as the sources of one corpus; and the homework's folder up to the report."""

import csv
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.rows import RecordingRow, RejectedRow, SplitRow, VoiceRow
from pipeline.store.feature_store import FeatureStore
from tests.corpus.published import LANGUAGES, PUBLISHED
from tests.end_to_end.conftest import Copy
from tests.fingerprint.signals import voice

RATE = 16000


def speak(path: Path, number: int) -> None:
    """Three seconds of a voice; a call has another one on its second channel."""
    seed = sum(path.as_posix().encode()) * 100 + number
    sound = voice(seed, 3.0)
    if path.parent.name == "calls":
        sound = np.stack([sound, voice(seed + 50, 3.0)], axis=1)
    soundfile.write(path, sound, RATE)


def test_every_layout_goes_from_listing_to_features(
    fresh: Callable[[], Copy], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy, root = fresh(), tmp_path_factory.mktemp("published")
    parts = {}
    for name, build in PUBLISHED.items():
        (root / name).mkdir()
        parts[name] = build(root / name, speak)
    copy.change(
        corpus={
            "sources": [{"root": str(root / name), "layout": "auto", "name": name} for name in parts],
            "languages": list(LANGUAGES),
            "labels": {0: "english", 2: "Mandarin"},
        }
    )
    printed = copy.succeed("dvc", "repro", "features")
    for name in parts:
        assert f"is read as layout '{name}': " in printed
    for name in ("homework", "voxlingua107", "fleurs"):
        assert re.search(rf"SPEAKERS ARE NOT KNOWN for \d+ recordings of source {name}: a voice may be on", printed)
    artifacts = copy.folder / "artifacts"
    assert not tables.read(artifacts / "ingest" / "rejected.csv", RejectedRow)
    rows = tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)
    assert Counter(row.extra["source"] for row in rows) == {name: len(part.recordings) for name, part in parts.items()}
    store = FeatureStore.open(artifacts / "features.zarr")
    assert list(store.ids) == [row.recording for row in rows]
    assert not store.failed
    for row in rows:
        assert len(store.features(row.recording)) == 1 + row.samples // 160
        assert np.isfinite(store.features(row.recording)).all()

    calls = [row for row in rows if row.extra["source"] == "kaldi"]
    assert {(row.path, row.channel, row.speaker, row.language) for row in calls} == {
        (f"kaldi/calls/{call}.wav", channel, f"kaldi/spk{call}{side}", language)
        for call in range(2)
        for channel, (side, language) in enumerate(zip("AB", LANGUAGES, strict=True), 1)
    }
    whole, _ = soundfile.read(root / "kaldi" / "calls" / "1.wav", dtype="int16")
    [second] = [row for row in calls if (row.path[-5], row.channel, row.start_s) == ("1", 2, 1.25)]
    got, _ = soundfile.read(artifacts / "audio" / second.file, second.samples, second.first_sample, dtype="int16")
    np.testing.assert_array_equal(got, whole[20_000:36_000, 1])


def test_the_homework_goes_to_a_report_with_two_changed_lines(fresh: Callable[[], Copy]) -> None:
    copy = fresh()
    root = copy.folder / "homework"
    root.mkdir()
    labels: list[tuple[str, int]] = []
    for number in range(15):
        name = f"{number * 7919 % 1000:03d}.wav"
        soundfile.write(root / name, voice(number, 12.0), RATE)
        labels.append((name, number % 3))
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *labels])
    parameters = copy.folder / "params.yaml"
    text = parameters.read_text()
    changed = re.sub(
        r"(?m)^(  )layout: .*$", r"\1layout: homework", re.sub(r"(?m)^(  )root: .*$", r"\1root: homework", text)
    )
    assert len(set(changed.splitlines()) - set(text.splitlines())) == 2
    parameters.write_text(changed)
    copy.repro()
    page = (copy.folder / "artifacts" / "report" / "index.html").read_text()
    first = page[page.index("<body") : page.index('id="confusion"')]
    assert "SPEAKERS ARE NOT KNOWN for 15 of 15 recordings: a voice may be on both sides of a split" in first
    assert "Every file counts as a speaker of its own" in first
    assert "speakers that the network was never trained on" not in first

    copy.change(corpus={"speakers": "cluster"})
    ran, _, printed = copy.repro()
    assert {"ingest", "speakers", "split"} <= ran
    artifacts = copy.folder / "artifacts"
    voices = {row.recording: row.speaker for row in tables.read(artifacts / "speakers" / "voices.csv", VoiceRow)}
    assert len(voices) == 15
    assert "15 recordings of unknown speakers" in printed
    for name in ("train", "val", "test"):
        for row in tables.read(artifacts / "splits" / f"{name}.csv", SplitRow):
            assert row.speaker == voices[row.recording]
    assert "similar voices are kept together" in (artifacts / "report" / "index.html").read_text()
