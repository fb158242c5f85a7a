"""A user's mistake is reported in one sentence before any work is done."""

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.errors import UserError
from pipeline.rows import RecordingRow, SpanRow
from pipeline.store.feature_store import FeatureStore
from tests.end_to_end.conftest import Copy

PROGRAMS = {"sox", "espeak-ng", "dot"}


def refusal(copy: Copy, stage: str, path: str | None = None) -> str:
    said = copy.refusal(sys.executable, "-m", f"stages.{stage}", environment={"PATH": path} if path else None)
    assert not list((copy.folder / "artifacts").rglob("*.wav"))
    return said


def corpus(folder: Path, speakers: dict[str, int]) -> None:
    """Write a corpus with two recordings per speaker."""
    folder.mkdir(parents=True)
    rows, rng = [], np.random.default_rng(0)
    for language, number in speakers.items():
        (folder / language).mkdir()
        for take in range(2 * number):
            path = f"{language}/{take}.wav"
            soundfile.write(folder / path, rng.uniform(-0.1, 0.1, 16000), 16000)
            rows.append(f"{path},{language}_{take // 2}\n")
    (folder / "speakers.csv").write_text("path,speaker\n" + "".join(rows))


def test_missing_programs_and_a_corpus_that_cannot_be_split(fresh: Copy, tmp_path: Path) -> None:
    said = refusal(fresh, "ingest", "/nowhere")
    assert "'sox' is not on PATH" in said
    assert "apt-get install sox" in said
    for missing in PROGRAMS:  # the demo does not start without the programs of later stages
        (tmp_path / missing).mkdir()
        for program in PROGRAMS - {missing}:
            found = shutil.which(program)
            assert found
            (tmp_path / missing / program).symlink_to(found)
        assert f"{missing!r} is not on PATH" in refusal(fresh, "demo", str(tmp_path / missing))
    fresh.change(corpus={"root": "mine"})
    for speakers, lack in (({}, "no recordings"), ({"english": 3, "mandarin": 3}, "'hindi' has 0 speaker(s)")):
        corpus(fresh.folder / "mine", speakers)
        assert f"{lack} in corpus.root 'mine'" in refusal(fresh, "corpus")
        shutil.rmtree(fresh.folder / "mine")
    assert "corpus.root 'mine' is not a folder" in refusal(fresh, "corpus")


PRELOAD = """
import os, signal
from pipeline.audio import wav
from pipeline.ingest import decoding

def deadly(function, name_of):
    def called(first, *rest):
        if {what!r} in name_of(first):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(first, *rest)
    return called

decoding.decode = deadly(decoding.decode, str)
wav.Reader.__call__ = deadly(wav.Reader.__call__, lambda reader: reader._wav.name)
"""


def test_a_recording_that_is_no_audio_or_crashes_every_worker_is_skipped_by_name(fresh: Copy, tmp_path: Path) -> None:
    corpus(fresh.folder / "mine", {"english": 3, "hindi": 3, "mandarin": 3})
    (fresh.folder / "mine" / "hindi" / "1.wav").write_text("no audio")
    fresh.change(corpus={"root": "mine", "max_rejected": 0.2})
    fresh.stages("corpus")
    artifacts = fresh.folder / "artifacts"

    def run(stage: str, deadly: str) -> str:
        (tmp_path / "deadly.py").write_text(PRELOAD.format(what=deadly))
        environment = {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(tmp_path / "deadly.py")}
        done = fresh.run("python", "-m", f"stages.{stage}", environment=environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run("ingest", "hindi/0.wav")
    assert (artifacts / "ingest" / "rejected.csv").read_text() == (
        "path,reason,detail\n"
        'hindi/0.wav,killed,"crashes its decoder, or keeps it from ending; convert it to WAV or FLAC again"\n'
        "hindi/1.wav,unreadable,is not audio that libsndfile reads; convert it to WAV or FLAC\n"
    )
    rows = tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)
    assert len(rows) == 16

    deadly = next(row for row in rows if row.path == "english/3.wav").recording
    said = "'english/3.wav' crashed every worker or did not end"
    assert said in run("trim", "english/3.wav")
    spans = tables.read(artifacts / "trim" / "spans.csv", SpanRow)
    assert {row.recording for row in rows} - {span.recording for span in spans} == {deadly}

    deadly = next(row for row in rows if row.path == "mandarin/4.wav").recording
    said = "'mandarin/4.wav' crashed every worker or did not end"
    assert said in run("features", "mandarin/4.wav")
    store = FeatureStore.open(artifacts / "features.zarr")
    assert store.failed == {deadly}
    for row in rows:
        assert np.isnan(store.features(row.recording)).all() == (row.recording == deadly)
        assert np.isfinite(store.features(row.recording)).all() == (row.recording != deadly)

    fresh.change(corpus={"max_rejected": 0.01})
    said = fresh.refusal("python", "-m", "stages.ingest")
    assert "1 of 18 recordings are rejected (unreadable 1), above corpus.max_rejected 0.01" in said


@pytest.fixture
def small_disk(fresh: Copy) -> Iterator[Copy]:
    """A corpus on a disk too small for the output of ingest."""
    corpus(fresh.folder / "mine", {"english": 30, "hindi": 30, "mandarin": 30})
    fresh.change(corpus={"root": "mine"})
    artifacts = fresh.folder / "artifacts"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", artifacts], check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    fresh.stages("corpus")
    yield fresh
    subprocess.run(["umount", artifacts], check=True)


def test_a_full_and_a_read_only_disk(small_disk: Copy) -> None:
    said = refusal(small_disk, "ingest")
    assert re.search(r"the disk of \S+ is full \([0-2] MB free\); make room and run it again", said)
    assert not (small_disk.folder / "artifacts/audio").exists()
    subprocess.run(["mount", "-o", "remount,ro", small_disk.folder / "artifacts"], check=True)
    assert re.search(
        r"artifacts/ingest\S* can't be used \(Read-only file system\): check", refusal(small_disk, "ingest")
    )


OTHER_LANGUAGES = r"\S+ is for the languages english, hindi, mandarin.*, not for english, french.*; .*"
OTHER_VIEW = r".*'?label'?.*'remove'.*"


@pytest.mark.parametrize(
    ("stage", "change", "pins", "said"),
    [
        *((stage, {"corpus": {"languages": ["english", "french"]}}, "", OTHER_LANGUAGES)
          for stage in ("trim", "split", "balance", "export", "report")),
        *((stage, {"silence": {"strategy": "remove"}}, "", OTHER_VIEW) for stage in ("export", "report", "train")),
        ("split", {}, "nobody,test\n",
         r"splits/pins\.csv pins 'nobody', who is not in this corpus, or held out; correct the name.*"),
    ],
)  # fmt: skip
def test_a_stage_after_others_with_other_parameters_and_a_split_that_cannot_be_made(
    tiny: Copy, monkeypatch: pytest.MonkeyPatch, stage: str, change: dict[str, Any], pins: str, said: str
) -> None:
    monkeypatch.chdir(tiny.folder)
    files = {Path(name): Path(name).read_bytes() for name in ("params.yaml", "splits/pins.csv")}
    results = {path: path.stat().st_mtime_ns for path in Path("artifacts").rglob("*")}
    tiny.change(**change)
    Path("splits/pins.csv").write_text(f"speaker,split\n{pins}")
    try:
        with pytest.raises(UserError) as error:
            importlib.import_module(f"stages.{stage}").main()
    finally:
        for path, content in files.items():
            path.write_bytes(content)
    assert re.fullmatch(said, str(error.value))
    assert {path: path.stat().st_mtime_ns for path in Path("artifacts").rglob("*")} == results
