"""The job of stage ingest: decoded recordings and their rows, and the reason why each bad one is rejected."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.audio.wav import HEADER_BYTES
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError, Reason
from pipeline.ingest import job
from pipeline.ingest.part import Ingested
from pipeline.rows import RejectedRow
from tests.fingerprint.signals import RATE, landmarks, voice
from tests.ingest import parts

SOUND = np.random.default_rng(0).normal(0, 0.1, RATE)
AUDIO = params.Audio(sample_rate=RATE, channels="mix", min_duration=0.5)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder of recordings, `in`, and an empty folder, `out`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


def ingested(bench: Path, *names: str) -> Ingested:
    entries = [Entry(name, "hindi", "s", columns={"accent": "x"}) for name in names]
    return parts.ingested(entries, {"": bench / "in"}, bench / "out", AUDIO)


def half(path: Path, **options: str) -> None:
    soundfile.write(path, np.tile(SOUND, 4), RATE, **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def with_value(value: float) -> Callable[[Path], None]:
    samples = np.where(np.arange(RATE) == 5000, value, SOUND)
    return lambda path: soundfile.write(path, samples, RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("text.wav", lambda path: path.write_text("this is not audio\n" * 999), {"unreadable"}),
        ("empty.wav", Path.touch, {"unreadable"}),
        ("headerless.raw", lambda path: path.write_bytes(bytes(9999)), {"unreadable"}),
        ("half24.wav", lambda path: half(path, subtype="PCM_24"), {"truncated"}),
        ("nan.wav", with_value(np.nan), {"not_finite"}),
        ("infinite.wav", with_value(np.inf), {"not_finite"}),
        ("silent.wav", lambda path: soundfile.write(path, SOUND * 0, RATE), {"silent"}),
        ("short.wav", lambda path: soundfile.write(path, SOUND[:7999], RATE), {"too_short"}),
        ("none.wav", lambda path: soundfile.write(path, SOUND[:0], RATE), {"truncated"}),
        ("gone.wav", lambda path: None, {"missing"}),
        ("pipe.wav", os.mkfifo, {"missing"}),
        ("folder.wav", Path.mkdir, {"missing"}),
        *(("slow.wav", lambda path, rate=rate: soundfile.write(path, SOUND, rate), {"sample_rate"})
          for rate in (1, 3999)),
    ],
)  # fmt: skip
def test_a_bad_recording_is_rejected_for_its_reason_and_leaves_no_samples(
    bench: Path, name: str, make: Callable[[Path], object], reason: set[str]
) -> None:
    make(bench / "in" / name)
    found = ingested(bench, name)
    assert not found.rows
    [row] = found.rejected
    assert row.path == name
    assert row.reason in reason
    assert row.detail
    assert (bench / "out" / "0.wav").stat().st_size == HEADER_BYTES


def test_a_recording_has_the_columns_of_its_entry(bench: Path) -> None:
    soundfile.write(bench / "in" / "a.wav", np.tile(SOUND, 2), 2 * RATE)
    [row] = ingested(bench, "a.wav").rows
    assert (row.recording, row.language, row.speaker, row.extra) == (
        Entry("a.wav", "", "").id(),
        "hindi",
        "s",
        {"accent": "x"},
    )
    assert (row.group, row.duration_s, row.samples, row.sample_rate) == (row.recording, 1.0, RATE, 2 * RATE)


def test_the_same_audio_of_two_languages_is_rejected(bench: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(bench / "in" / name, SOUND if name != "c.wav" else -SOUND, RATE)
    found = ingested(bench, "a.wav", "b.wav", "c.wav")
    found.rows[1] = dataclasses.replace(found.rows[1], language="english")
    consistent = job.consistent(found)
    assert (consistent.rows, consistent.landmarks) == (found.rows[2:], found.landmarks[2:])
    contradicting = [("a.wav", "contradiction"), ("b.wav", "contradiction")]
    assert [(row.path, row.reason) for row in consistent.rejected] == contradicting


def test_recordings_of_the_same_speech_share_the_smallest_of_their_ids(bench: Path) -> None:
    speech, other = voice(0, 6), voice(1, 6)
    sounds = {"z.wav": speech, "m.wav": other, "a.flac": speech[RATE // 2 :], "k.wav": speech // 2}
    for name, samples in sounds.items():
        soundfile.write(bench / "in" / name, samples, RATE)
    found = ingested(bench, *sounds)
    rows, duplicates = job.grouped(found.rows, found.landmarks, RATE)
    z, m, a, k = (row.recording for row in rows)
    assert [row.same_speech for row in rows] == [a, m, a, a]
    offsets = {(row.recording, row.other): row.offset_s for row in duplicates}
    assert len(duplicates) == 2
    assert {name for pair in offsets for name in pair} == {z, a, k}
    assert offsets.get((z, a), 0.5) == pytest.approx(0.5, abs=0.02)
    assert job.grouped([], [], RATE) == ([], [])


def test_landmarks_are_those_of_the_audio_that_is_written(bench: Path) -> None:
    soundfile.write(bench / "in" / "a.mp3", voice(0, 20), RATE)  # more than one decoded block
    found = ingested(bench, "a.mp3")
    written = parts.samples_of(found.rows[0], bench / "out")
    assert np.array_equal(found.landmarks[0].ticks, landmarks(written).ticks)
    assert np.array_equal(found.landmarks[0].bins, landmarks(written).bins)


def test_too_many_rejected_are_refused_with_the_five_commonest_reasons() -> None:
    reasons: list[Reason] = ["killed", "silent", "missing", "outside", "unreadable", "truncated"]
    rows = [RejectedRow("x", reason, "") for count, reason in enumerate(reasons, 1) for _ in range(count)]
    job.check_rejected(rows, accepted=79, max_rejected=0.21)
    commonest = r"\(truncated 6, unreadable 5, outside 4, missing 3, silent 2\)"
    with pytest.raises(CorpusError, match=rf"21 of 99 .*{commonest}.*corpus\.max_rejected 0\.21"):
        job.check_rejected(rows, accepted=78, max_rejected=0.21)
