"""A user's mistake is reported in one sentence before any work is done."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.rows import RecordingRow, SpanRow
from pipeline.store.feature_store import FeatureStore
from tests.end_to_end.conftest import Copy


def refusal(copy: Copy, stage: str, environment: Mapping[str, str] | None = None) -> str:
    done = copy.run(sys.executable, "-m", f"stages.{stage}", environment=environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert not list((copy.folder / "artifacts").rglob("*.wav"))
    return done.stderr


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


def test_a_missing_sox(fresh: Callable[[], Copy]) -> None:
    said = refusal(fresh(), "ingest", {"PATH": "/nowhere"})
    assert "'sox' is not on PATH" in said
    assert "apt-get install sox" in said


@pytest.mark.parametrize("missing", ["sox", "espeak-ng", "dot"])
def test_the_demo_does_not_start_without_the_programs_of_later_stages(
    fresh: Callable[[], Copy], tmp_path_factory: pytest.TempPathFactory, missing: str
) -> None:
    programs = tmp_path_factory.mktemp("bin")
    for program in {"sox", "espeak-ng", "dot"} - {missing}:
        found = shutil.which(program)
        assert found
        (programs / program).symlink_to(found)
    assert f"{missing!r} is not on PATH" in refusal(fresh(), "demo", {"PATH": str(programs)})


@pytest.mark.parametrize(
    ("speakers", "said"),
    [
        ({}, "no recordings in corpus.root"),
        ({"english": 3, "hindi": 3}, "'mandarin', which has no recordings"),
        ({"english": 3, "hindi": 1, "mandarin": 3}, "'hindi' has 1 speaker(s)"),
    ],
)
def test_a_corpus_that_cannot_be_split(fresh: Callable[[], Copy], speakers: dict[str, int], said: str) -> None:
    copy = fresh()
    corpus(copy.folder / "mine", speakers)
    copy.change(corpus={"root": "mine"})
    assert said in refusal(copy, "ingest")


@pytest.mark.parametrize(
    ("section", "key", "value", "allowed"),
    [
        ("silence", "strategy", "cut", "'none', 'remove', 'mask'"),
        ("silence", "min_speech", -0.5, "greater than or equal to 0"),
        ("balance", "strategy", "smote", "'ensemble'"),
        ("audio", "min_duration", -1, "greater than 0"),
        ("corpus", "root", "nowhere", "not a folder"),
        ("split", "method", "random", "'hours', 'hash', 'official' or 'folds'"),
    ],
)
def test_a_parameter_out_of_range(fresh: Callable[[], Copy], section: str, key: str, value: Any, allowed: str) -> None:
    copy = fresh()
    copy.change(**{section: {key: value}})
    said = refusal(copy, "ingest")
    assert f"{section}.{key}" in said
    assert str(value) in said
    assert allowed in said


def test_a_recording_that_cannot_be_decoded_is_rejected_by_name_and_reason(fresh: Callable[[], Copy]) -> None:
    copy = fresh()
    corpus(copy.folder / "mine", {"english": 3, "hindi": 3, "mandarin": 3})
    (copy.folder / "mine" / "hindi" / "0.wav").write_text("no audio")
    copy.change(corpus={"root": "mine", "max_rejected": 0.1})
    done = copy.run("python", "-m", "stages.ingest")
    assert done.returncode == 0, done.stderr
    assert (copy.folder / "artifacts/ingest/rejected.csv").read_text() == (
        "path,reason,detail\nhindi/0.wav,unreadable,is not audio that libsndfile reads; convert it to WAV or FLAC\n"
    )
    copy.change(corpus={"max_rejected": 0.01})
    done = copy.run("python", "-m", "stages.ingest")
    assert done.returncode == 2
    assert "1 of 18 recordings are rejected (unreadable 1), above corpus.max_rejected 0.01" in done.stderr


PRELOAD = """
import os, signal
from pipeline.audio import wav
from pipeline.jobs import decoding

def deadly(function, name_of):
    def called(first, *rest):
        if {what!r} in name_of(first):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(first, *rest)
    return called

decoding.decode = deadly(decoding.decode, str)
wav.Reader.__call__ = deadly(wav.Reader.__call__, lambda reader: reader._wav.name)
"""


def test_a_recording_that_crashes_every_worker_is_skipped_by_name(
    fresh: Callable[[], Copy], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = fresh()
    corpus(copy.folder / "mine", {"english": 3, "hindi": 3, "mandarin": 3})
    copy.change(corpus={"root": "mine", "max_rejected": 0.1})

    def run(stage: str, deadly: str) -> str:
        preload = tmp_path_factory.mktemp("preload") / "deadly.py"
        preload.write_text(PRELOAD.format(what=deadly))
        environment = {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(preload)}
        done = copy.run("python", "-m", f"stages.{stage}", environment=environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run("ingest", "hindi/0.wav")
    assert (copy.folder / "artifacts/ingest/rejected.csv").read_text() == (
        "path,reason,detail\nhindi/0.wav,killed,crashed every worker that decoded it; convert it to WAV or FLAC again\n"
    )
    rows = tables.read(copy.folder / "artifacts/ingest/recordings.csv", RecordingRow)
    assert len(rows) == 17

    deadly = next(row for row in rows if row.path == "english/3.wav").recording
    said = "'english/3.wav': searching it for speech crashed every worker; it is treated as silence"
    assert said in run("trim", "english/3.wav")
    spans = tables.read(copy.folder / "artifacts/trim/spans.csv", SpanRow)
    assert {row.recording for row in rows} - {span.recording for span in spans} == {deadly}

    deadly = next(row for row in rows if row.path == "mandarin/4.wav").recording
    said = "'mandarin/4.wav': computing its MFCCs crashed every worker; it has no features"
    assert said in run("features", "mandarin/4.wav")
    store = FeatureStore.open(copy.folder / "artifacts/features.zarr")
    assert store.failed == {deadly}
    for row in rows:
        assert np.isnan(store.features(row.recording)).all() == (row.recording == deadly)
        assert np.isfinite(store.features(row.recording)).all() == (row.recording != deadly)


@pytest.fixture
def small_disk(fresh: Callable[[], Copy]) -> Iterator[Copy]:
    """A corpus on a disk too small for the output of ingest."""
    copy = fresh()
    corpus(copy.folder / "mine", {"english": 30, "hindi": 30, "mandarin": 30})
    copy.change(corpus={"root": "mine"})
    artifacts = copy.folder / "artifacts"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", artifacts], check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    yield copy
    subprocess.run(["umount", artifacts], check=True)


def test_a_full_disk(small_disk: Copy) -> None:
    said = refusal(small_disk, "ingest")
    assert re.search(r"the disk of \S+ is full \([0-2] MB free\); make room and run it again", said)
    assert not (small_disk.folder / "artifacts/audio").exists()


def test_a_read_only_disk(small_disk: Copy) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk.folder / "artifacts"], check=True)
    said = refusal(small_disk, "ingest")
    assert "artifacts/ingest can't be used (Read-only file system): check" in said


@pytest.mark.parametrize("stage", ["trim", "split", "balance", "export", "report"])
def test_a_stage_after_one_with_other_languages(tiny: Copy, tmp_path: Path, stage: str) -> None:
    copy = Copy(tmp_path / "project")
    shutil.copytree(tiny.folder, copy.folder, symlinks=True, ignore=shutil.ignore_patterns(".dvc", "data"))
    copy.change(corpus={"languages": ["english", "french"]})
    done = copy.run("python", "-m", f"stages.{stage}")
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: \S+ is for the languages english, hindi, mandarin\S*, not for english, french\S*; .*\n", done.stderr
    )


@pytest.mark.parametrize("stage", ["export", "report", "train"])
def test_a_stage_after_one_with_another_view(tiny: Copy, tmp_path: Path, stage: str) -> None:
    copy = Copy(tmp_path / "project")
    shutil.copytree(tiny.folder, copy.folder, symlinks=True, ignore=shutil.ignore_patterns(".dvc", "data"))
    copy.change(silence={"strategy": "remove"})
    done = copy.run("python", "-m", f"stages.{stage}")
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*'?mask'?.*'remove'.*\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("split", "pins", "said"),
    [
        (
            {},
            "nobody,test\n",
            r"splits/pins\.csv pins 'nobody', who is not in this corpus; correct the name.*",
        ),
        ({}, "v01,best\n", r"splits/pins\.csv line 2: split is 'best'; write .* one of train, val, test as split"),
        ({"method": "official"}, "", r"split\.method 'official' needs the column split .* of '.*' is missing"),
        ({"stratify": ["gender"]}, "", r"split\.stratify names 'gender', but the corpus table has no such column; .*"),
    ],
)
def test_a_split_that_cannot_be_made(tiny: Copy, tmp_path: Path, split: dict[str, Any], pins: str, said: str) -> None:
    copy = Copy(tmp_path / "project")
    shutil.copytree(tiny.folder, copy.folder, symlinks=True, ignore=shutil.ignore_patterns(".dvc", "data"))
    before = (copy.folder / "artifacts" / "splits" / "test.csv").read_bytes()
    copy.change(split=split)
    (copy.folder / "splits" / "pins.csv").write_text(f"speaker,split\n{pins}")
    done = copy.run("python", "-m", "stages.split")
    assert done.returncode == 2
    assert re.fullmatch(rf"error: {said}\n", done.stderr), done.stderr
    assert (copy.folder / "artifacts" / "splits" / "test.csv").read_bytes() == before
