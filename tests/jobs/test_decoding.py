"""Recordings inside files: parts, channels and their speakers; every bad one rejected for its reason."""

import shutil
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import soundfile
from distributed import LocalCluster

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.decode import decode
from pipeline.audio.decoded import Decoded as DecodedFile
from pipeline.cluster import engine
from pipeline.corpus.entries import Entry
from pipeline.jobs import decoding, ingest
from pipeline.jobs.decoding import Decoded
from pipeline.rows import RecordingRow, RejectedRow

RATE = 16000


def settings(channels: Any = "mix") -> params.Audio:
    return params.Audio(sample_rate=RATE, channels=channels, min_duration=0.5)


def sound(seed: int, seconds: float) -> Samples:
    return np.random.default_rng(seed).integers(-9000, 9000, round(seconds * RATE), np.int16)


def entry(path: str = "a.wav", **changes: Any) -> Entry:
    return Entry(**({"path": path, "language": "hindi", "speaker": "ann"} | changes))


def ingested(
    folder: Path, entries: list[Entry], channels: str = "mix"
) -> tuple[list[tuple[RecordingRow, list[int]]], list[RejectedRow]]:
    """Rows with the samples that they point to, and rejected rows."""
    target = folder / "audio"
    target.mkdir()
    results = []
    for batch in ingest.batches(entries, {"": folder, "mine": folder}):
        results += [result for rows in decoding.ingest(batch, target, settings(channels)) for result in rows]
    decoded = [result for result in results if isinstance(result, Decoded)]
    rows = ingest.placed(decoded, target, RATE)
    assert {path.name for path in target.iterdir()} == {row.file for row in rows}
    samples = [
        soundfile.read(target / row.file, row.samples, row.first_sample, dtype="int16")[0].tolist() for row in rows
    ]
    return list(zip(rows, samples, strict=True)), [result for result in results if isinstance(result, RejectedRow)]


@pytest.fixture
def call(tmp_path: Path) -> tuple[Samples, Samples]:
    """The two channels of a.wav, ten seconds long."""
    left, right = sound(1, 10), sound(2, 10)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE)
    return left, right


def test_a_call_is_split_into_its_speakers(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    found, rejected = ingested(tmp_path, [entry(speaker="", channel_speakers=("ann", "bob"))], "split")
    assert not rejected
    assert [(row.speaker, row.channel, samples) for row, samples in found] == [
        ("ann", 1, call[0].tolist()),
        ("bob", 2, call[1].tolist()),
    ]
    assert len({row.recording for row, _ in found}) == 2
    assert {row.group for row, _ in found} == {entry().file_id}  # both stay in one split


def test_without_speakers_of_channels_both_are_those_of_the_file(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    found, _ = ingested(tmp_path, [entry()], "split")
    assert [(row.speaker, row.channel) for row, _ in found] == [("ann", 1), ("ann", 2)]


@pytest.mark.parametrize("channels", ["first", "mix"])
def test_one_recording_per_file(tmp_path: Path, call: tuple[Samples, Samples], channels: str) -> None:
    [(row, samples)], _ = ingested(tmp_path, [entry()], channels)
    mean = np.rint(call[0].astype(float) / 2 + call[1] / 2).astype(int).tolist()
    assert (row.channel, samples) == ((1, call[0].tolist()) if channels == "first" else (0, mean))


def test_a_channel_that_is_named_is_taken_whatever_the_parameter_says(
    tmp_path: Path, call: tuple[Samples, Samples]
) -> None:
    found, rejected = ingested(tmp_path, [entry(channel=2), entry(channel=3)], "mix")
    assert [(row.channel, samples) for row, samples in found] == [(2, call[1].tolist())]
    assert [(row.reason, row.detail) for row in rejected] == [
        ("channel", "(channel 3) has 2 channels; name one of them")
    ]


def test_a_file_with_one_channel_is_any_channel(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sound(1, 2), RATE)
    [(row, samples)], _ = ingested(tmp_path, [entry(channel=2)])
    assert (row.channel, samples) == (2, sound(1, 2).tolist())


def test_a_silent_mean_is_not_a_silent_file(tmp_path: Path) -> None:
    voice = sound(1, 2)
    soundfile.write(tmp_path / "a.wav", np.stack([voice, -voice], axis=1), RATE)
    soundfile.write(tmp_path / "b.wav", np.stack([0 * voice, voice], axis=1), RATE)
    entries = [entry(name) for name in ("a.wav", "b.wav")]
    detail = "is silent as the mean of its 2 channels, which may cancel; set audio.channels to first or split"
    found, rejected = ingested(tmp_path, entries)
    assert [row.path for row, _ in found] == ["b.wav"]
    assert [(row.path, row.reason, row.detail) for row in rejected] == [("a.wav", "silent", detail)]
    shutil.rmtree(tmp_path / "audio")
    found, rejected = ingested(tmp_path, entries, "split")
    assert len(found) == 3
    assert [row.detail for row in rejected] == ["(channel 1) holds nothing but zeros; record it again"]


def test_a_channel_without_a_speaker_is_rejected(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    found, rejected = ingested(tmp_path, [entry(speaker="", channel_speakers=("ann",))], "split")
    assert [row.speaker for row, _ in found] == ["ann"]
    assert [(row.reason, row.detail[:11]) for row in rejected] == [("no_speaker", "(channel 2)")]


def test_parts_of_a_file_are_cut_at_their_times_and_may_overlap(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    times = [(0.0, 2.5), (2.0, 4.0), (4.0, 4.75), (8.0, None)]
    found, rejected = ingested(tmp_path, [entry(channel=1, start=start, end=end) for start, end in times])
    assert not rejected
    assert len({row.recording for row, _ in found}) == len(times)
    for (row, samples), (start, end) in zip(found, times, strict=True):
        assert samples == call[0][round(start * RATE) : None if end is None else round(end * RATE)].tolist()
        assert (row.start_s, row.duration_s) == (start, (10 if end is None else end) - start)


def test_a_part_that_fails_leaves_the_others(tmp_path: Path) -> None:
    samples = sound(0, 10)
    samples[3 * RATE : 5 * RATE] = 0
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    times = [(0, 1), (3, 5), (5, 5.1), (6, 7), (8, 10.3), (9, 12), (11, 12)]
    found, rejected = ingested(tmp_path, [entry(start=start, end=end) for start, end in times])
    assert [row.start_s for row, _ in found] == [0, 6, 8]  # the end of the fifth was rounded
    assert [(row.reason, row.detail.partition(")")[0]) for row in rejected] == [
        ("silent", "(3.00 to 5.00 s"),
        ("too_short", "(5.00 to 5.10 s"),
        ("segment", "(9.00 to 12.00 s"),
        ("segment", "(11.00 to 12.00 s"),
    ]
    for row, got in found:
        start = round(row.start_s * RATE)
        assert got == samples[start : start + row.samples].tolist()


def test_a_damaged_file_is_rejected_once_with_all_its_parts(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[: len(content) // 2])
    soundfile.write(tmp_path / "b.wav", sound(3, 1), RATE)
    found, rejected = ingested(tmp_path, [entry(start=start, end=start + 1) for start in range(9)] + [entry("b.wav")])
    assert [row.path for row, _ in found] == ["b.wav"]
    assert [(row.path, row.reason) for row in rejected] == [("a.wav", "truncated")]


def test_a_file_with_thirty_parts_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.flac", np.tile(sound(0, 60), 6), RATE)
    calls = []

    def counted(path: Path, *_: object) -> DecodedFile:
        calls.append(path)
        return decode(path)

    monkeypatch.setattr(decoding, "decode", counted)
    entries = [entry("a.flac", start=12.0 * number, end=12.0 * number + 10) for number in range(30)]
    found, rejected = ingested(tmp_path, entries)
    assert calls == [tmp_path / "a.flac"]
    assert not rejected
    assert [(row.start_s, row.samples) for row, _ in found] == [(12.0 * number, 10 * RATE) for number in range(30)]
    assert found[7][1] == np.tile(sound(0, 60), 3)[84 * RATE : 94 * RATE].tolist()


def test_the_source_is_in_the_path_and_a_column(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    [(row, _)], _ = ingested(tmp_path, [entry(source="mine", extra={"age": "30"})])
    assert (row.path, row.extra) == ("mine/a.wav", {"age": "30", "source": "mine"})


def test_files_are_divided_by_size_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_FILES", 3)
    sizes = [10, 20, 30, ingest.BATCH_BYTES, 5, 5, ingest.BATCH_BYTES // 2, ingest.BATCH_BYTES // 2, 1]
    entries = [entry(f"{number}.wav", stamp=(size, 0, 0, 0)) for number, size in enumerate(sizes)]
    batches = ingest.batches(entries, {"": tmp_path})
    assert [[file.entries[0].path[0] for file in batch] for batch in batches] == [
        ["0", "1", "2"], ["3"], ["4", "5", "6"], ["7", "8"],
    ]  # fmt: skip
    assert [file.batch for batch in batches for file in batch] == [0, 0, 0, 1, 2, 2, 2, 3, 3]


@pytest.mark.cluster
def test_one_and_two_workers_write_the_same_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_FILES", 3)
    for number in range(12):
        soundfile.write(tmp_path / f"{number:02d}.wav", sound(number, 0.6 + number / 10), RATE)
    (tmp_path / "05.wav").write_text("no audio")
    entries = [entry(f"{number:02d}.wav") for number in range(12)]
    written = {}
    for workers in (1, 2):
        target = tmp_path / f"audio{workers}"
        target.mkdir()
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
            dask.config.set({"scheduler-address": local.scheduler_address}),
            engine.connect(ingest.INGEST) as client,
        ):
            by_file = ingest.run(client, entries, {"": tmp_path}, target, settings())
        decoded = [result for results in by_file for result in results if isinstance(result, Decoded)]
        rows = ingest.placed(decoded, target, RATE)
        written[workers] = rows, {path.name: path.read_bytes() for path in target.iterdir()}
    assert written[1] == written[2]
    assert [row.path for row in written[1][0]] == [f"{number:02d}.wav" for number in range(12) if number != 5]
    assert sorted(written[1][1]) == ["00000.wav", "00001.wav", "00002.wav", "00003.wav"]
