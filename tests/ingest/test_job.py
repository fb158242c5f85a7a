"""The job of stage ingest: decoded recordings and their rows, and the reason why each bad one is rejected."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.audio.wav import HEADER_BYTES
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError, Reason
from pipeline.ingest import job
from pipeline.ingest.part import Ingested
from pipeline.rows import RecordingRow, RejectedRow
from tests.corpus.corpora import HOSTILE_NAMES
from tests.fingerprint.signals import landmarks, voice
from tests.ingest import parts

RATE_HZ = 16000
SOUND = np.random.default_rng(0).normal(0, 0.1, RATE_HZ)
AUDIO = params.Audio(sample_rate=RATE_HZ, channels="mix", min_duration=0.5)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder of recordings, `in`, and an empty folder, `out`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


def ingested(bench: Path, *names: str) -> Ingested:
    entries = [Entry(name, "hindi", "s", columns={"accent": "x"}) for name in names]
    return parts.ingested(entries, {"": bench / "in"}, bench / "out", AUDIO)


def accepted(bench: Path, name: str) -> RecordingRow:
    [row] = ingested(bench, name).rows
    return row


def rejected(bench: Path, name: str) -> RejectedRow:
    found = ingested(bench, name)
    assert not found.rows
    [row] = found.rejected
    return row


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def make_text(path: Path) -> None:
    path.write_text("this is not audio\n" * 999)


def make_half(path: Path, **options: str) -> None:
    soundfile.write(path, np.tile(SOUND, 4), RATE_HZ, **options)
    cut_in_half(path)


def make_nan(path: Path) -> None:
    soundfile.write(path, np.where(np.arange(RATE_HZ) == 5000, np.nan, SOUND), RATE_HZ, subtype="FLOAT")


def make_infinite(path: Path) -> None:
    soundfile.write(path, np.where(np.arange(RATE_HZ) == 5000, np.inf, SOUND), RATE_HZ, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("text.wav", make_text, {"unreadable"}),
        ("empty.wav", Path.touch, {"unreadable"}),
        ("half.wav", make_half, {"truncated"}),
        ("half24.wav", lambda path: make_half(path, subtype="PCM_24"), {"truncated"}),
        ("half.flac", make_half, {"truncated", "unreadable"}),
        ("half.mp3", make_half, {"truncated", "unreadable"}),
        ("nan.wav", make_nan, {"not_finite"}),
        ("infinite.wav", make_infinite, {"not_finite"}),
        ("silent.wav", lambda path: soundfile.write(path, SOUND * 0, RATE_HZ), {"silent"}),
        ("short.wav", lambda path: soundfile.write(path, SOUND[:7999], RATE_HZ), {"too_short"}),
        ("none.wav", lambda path: soundfile.write(path, SOUND[:0], RATE_HZ), {"truncated"}),
        ("gone.wav", lambda path: None, {"missing", "unreadable"}),
    ],
)
def test_a_bad_recording_is_rejected_for_its_reason_and_leaves_no_samples(
    bench: Path, name: str, make: Any, reason: set[str]
) -> None:
    make(bench / "in" / name)
    row = rejected(bench, name)
    assert row.path == name
    assert row.reason in reason
    assert row.detail
    assert (bench / "out" / "0.wav").stat().st_size == HEADER_BYTES


def test_headerless_audio_is_rejected(bench: Path) -> None:
    (bench / "in" / "x.raw").write_bytes(bytes(9999))
    rejected(bench, "x.raw")


@pytest.mark.parametrize("name", ["half.aiff", "half.au", "half.w64", "half.rf64"])
def test_a_file_cut_in_half_is_rejected_in_any_format(bench: Path, name: str) -> None:
    make_half(bench / "in" / name)
    rejected(bench, name)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_file_name_is_only_a_name(bench: Path, name: str) -> None:
    soundfile.write(bench / "in" / "x1.wav", SOUND / 2, RATE_HZ)  # what a glob of x[1].wav would find
    soundfile.write(bench / "in" / name, SOUND, RATE_HZ)
    row = accepted(bench, name)
    assert row.path == name
    assert np.abs(soundfile.read(bench / "out" / "0.wav")[0] - SOUND).max() < 1e-4


def test_a_recording_has_the_columns_of_its_entry(bench: Path) -> None:
    soundfile.write(bench / "in" / "a.wav", np.tile(SOUND, 2), 2 * RATE_HZ)
    row = accepted(bench, "a.wav")
    assert (row.recording, row.language, row.speaker, row.extra) == (
        Entry("a.wav", "", "").id(),
        "hindi",
        "s",
        {"accent": "x"},
    )
    assert (row.group, row.duration_s, row.samples, row.sample_rate) == (row.recording, 1.0, RATE_HZ, 2 * RATE_HZ)


def test_the_same_audio_of_two_languages_is_rejected(bench: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(bench / "in" / name, SOUND if name != "c.wav" else -SOUND, RATE_HZ)
    found = ingested(bench, "a.wav", "b.wav", "c.wav")
    found.rows[1] = dataclasses.replace(found.rows[1], language="english")
    consistent = job.consistent(found)
    assert (consistent.rows, consistent.landmarks) == (found.rows[2:], found.landmarks[2:])
    contradicting = [("a.wav", "contradiction"), ("b.wav", "contradiction")]
    assert [(row.path, row.reason) for row in consistent.rejected] == contradicting


def test_recordings_of_the_same_speech_share_the_smallest_of_their_ids(bench: Path) -> None:
    speech, other = voice(0, 6), voice(1, 6)
    sounds = {"z.wav": speech, "m.wav": other, "a.flac": speech[RATE_HZ // 2 :], "k.wav": speech // 2}
    for name, samples in sounds.items():
        soundfile.write(bench / "in" / name, samples, RATE_HZ)
    found = ingested(bench, *sounds)
    rows, duplicates = job.grouped(found.rows, found.landmarks, RATE_HZ)
    z, m, a, k = (row.recording for row in rows)
    assert [row.same_speech for row in rows] == [a, m, a, a]
    offsets = {(row.recording, row.other): row.offset_s for row in duplicates}
    assert len(duplicates) == 2
    assert {name for pair in offsets for name in pair} == {z, a, k}
    assert offsets.get((z, a), 0.5) == pytest.approx(0.5, abs=0.02)


def test_landmarks_are_those_of_the_audio_that_is_written(bench: Path) -> None:
    soundfile.write(bench / "in" / "a.mp3", voice(0, 20), RATE_HZ)  # more than one decoded block
    found = ingested(bench, "a.mp3")
    written = parts.samples_of(found.rows[0], bench / "out")
    assert np.array_equal(found.landmarks[0].ticks, landmarks(written).ticks)
    assert np.array_equal(found.landmarks[0].bins, landmarks(written).bins)


def test_without_recordings_there_are_no_duplicates() -> None:
    assert job.grouped([], [], RATE_HZ) == ([], [])


@pytest.mark.parametrize("rate", [1, 3999])
def test_an_impossible_sample_rate_is_rejected_not_blown_up(bench: Path, rate: int) -> None:
    soundfile.write(bench / "in" / "slow.wav", SOUND, rate)
    assert rejected(bench, "slow.wav").reason == "sample_rate"


def test_too_many_rejected_are_refused_with_the_five_commonest_reasons() -> None:
    reasons: list[Reason] = ["killed", "silent", "missing", "outside", "unreadable", "truncated"]
    rows = [RejectedRow("x", reason, "") for count, reason in enumerate(reasons, 1) for _ in range(count)]
    job.check_rejected(rows, accepted=79, max_rejected=0.21)
    commonest = r"\(truncated 6, unreadable 5, outside 4, missing 3, silent 2\)"
    with pytest.raises(CorpusError, match=rf"21 of 99 .*{commonest}.*corpus\.max_rejected 0\.21"):
        job.check_rejected(rows, accepted=78, max_rejected=0.21)
