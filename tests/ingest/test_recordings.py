"""Recordings inside files: parts, channels and their speakers; every bad one rejected for its reason."""

import hashlib
import math
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.decode import decode
from pipeline.cache import Cache
from pipeline.corpus.entries import Entry
from pipeline.errors import ArtifactError
from pipeline.ingest import decoding, job
from pipeline.ingest.part import Ingested, SourceFile, divide
from pipeline.rows import RecordingRow, RejectedRow
from tests.cluster.clusters import connected
from tests.ingest import parts

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
    found = parts.ingested(entries, {"": folder, "mine": folder}, target, settings(channels))
    return [(row, parts.samples_of(row, target).tolist()) for row in found.rows], found.rejected


@pytest.fixture
def call(tmp_path: Path) -> tuple[Samples, Samples]:
    """The two channels of a.wav, ten seconds long."""
    left, right = sound(1, 10), sound(2, 10)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE)
    return left, right


@pytest.mark.parametrize(
    ("named", "speakers"), [(("ann", "bob"), ["ann", "bob"]), ((), ["ann", "ann"]), (("ann",), ["ann"])]
)
def test_a_call_is_split_into_its_speakers(
    tmp_path: Path, call: tuple[Samples, Samples], named: tuple[str, ...], speakers: list[str]
) -> None:
    whose = "" if named else "ann"
    found, rejected = ingested(tmp_path, [entry(speaker=whose, channel_speakers=named)], "split")
    assert [row.speaker for row, _ in found] == speakers
    assert [(row.reason, row.detail[:11]) for row in rejected] == [("no_speaker", "(channel 2)")] * (2 - len(speakers))
    for number, (row, samples) in enumerate(found):
        assert (row.channel, samples) == (number + 1, call[number].tolist())
    assert len({row.recording for row, _ in found}) == len(speakers)
    assert {row.group for row, _ in found} == {entry().file_id}  # both stay in one split


@pytest.mark.parametrize("channels", ["first", "mix"])
def test_one_recording_per_file(tmp_path: Path, call: tuple[Samples, Samples], channels: str) -> None:
    [(row, samples)], _ = ingested(tmp_path, [entry()], channels)
    mean = np.rint(call[0].astype(float) / 2 + call[1] / 2).astype(int).tolist()
    assert (row.channel, samples) == ((1, call[0].tolist()) if channels == "first" else (0, mean))


def test_a_channel_that_is_named_is_taken_whatever_the_parameter_says(
    tmp_path: Path, call: tuple[Samples, Samples]
) -> None:
    soundfile.write(tmp_path / "b.wav", sound(3, 2), RATE)  # its only channel is any channel
    found, rejected = ingested(tmp_path, [entry(channel=2), entry(channel=3), entry("b.wav", channel=2)], "mix")
    assert [(row.channel, samples) for row, samples in found] == [(2, call[1].tolist()), (2, sound(3, 2).tolist())]
    assert [(row.reason, row.detail) for row in rejected] == [
        ("channel", "(channel 3) has 2 channels; name one of them")
    ]


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


def test_parts_of_a_file_are_cut_at_their_times_from_one_pass_and_one_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = Mock(wraps=decode)
    monkeypatch.setattr(decoding, "decode", decoded)
    samples = sound(0, 10)
    samples[3 * RATE : 5 * RATE] = 0
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    good = [
        (0, 2.5),
        (2, 2.75),
        (6, 7),
        (8, 10.3),
        (8.5, math.inf),
    ]  # they may overlap; the end of the fourth was rounded
    bad = [(3, 5), (5, 5.1), (9, 12), (11, 12)]
    found, rejected = ingested(tmp_path, [entry(start_s=start, end_s=end) for start, end in [*good, *bad]])
    decoded.assert_called_once()
    assert [(row.reason, row.detail.partition(")")[0]) for row in rejected] == [
        ("silent", "(3.00 to 5.00 s"),
        ("too_short", "(5.00 to 5.10 s"),
        ("segment", "(9.00 to 12.00 s"),
        ("segment", "(11.00 to 12.00 s"),
    ]
    assert len({row.recording for row, _ in found}) == len(good)
    for (row, got), (start, end) in zip(found, good, strict=True):
        assert got == samples[round(start * RATE) : round(min(end, 10) * RATE)].tolist()
        assert (row.start_s, row.duration_s) == (start, min(end, 10) - start)


def test_a_damaged_file_is_rejected_once_with_all_its_parts(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[: len(content) // 2])
    soundfile.write(tmp_path / "b.wav", sound(3, 1), RATE)
    found, rejected = ingested(
        tmp_path, [entry(start_s=start, end_s=start + 1) for start in range(9)] + [entry("b.wav")]
    )
    assert [row.path for row, _ in found] == ["b.wav"]
    assert [(row.path, row.reason) for row in rejected] == [("a.wav", "truncated")]


def test_the_source_is_in_the_path_and_a_column(tmp_path: Path, call: tuple[Samples, Samples]) -> None:
    [(row, _)], _ = ingested(tmp_path, [entry(source="mine", columns={"age": "30"})])
    assert (row.path, row.extra) == ("mine/a.wav", {"age": "30", "source": "mine"})


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[SourceFile]]:
    """Twelve files in parts of about three, one of them no audio."""
    monkeypatch.setattr("pipeline.parts.LEAST_BYTES", 60_000)
    for number in range(12):
        soundfile.write(tmp_path / f"{number:02d}.wav", sound(number, 0.6 + number / 10), RATE)
    (tmp_path / "05.wav").write_text("no audio")
    paths = sorted(tmp_path.glob("*.wav"))
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    entries = [entry(path.name, size=path.stat().st_size, sha256=digest) for path, digest in digests.items()]
    return divide(entries, {"": tmp_path})


@pytest.mark.cluster
def test_the_results_are_the_same_bytes_with_any_number_of_workers_and_from_the_cache(
    tmp_path: Path, corpus: list[list[SourceFile]]
) -> None:
    assert len(corpus) > 2
    one, two = Cache(tmp_path / "one"), Cache(tmp_path / "two")
    targets = [tmp_path / f"audio{number}" for number in range(3)]
    for target in targets:
        target.mkdir()
    with connected(1) as client:
        runs = [job.run(client, corpus, targets[0], settings(), one)]
    with connected(2) as client:
        runs += [
            job.run(client, corpus, *case) for case in ((targets[1], settings(), two), (targets[2], settings(), one))
        ]
    assert [reused for _, reused in runs] == [0, 0, 12]
    assert len({found.pack() for found, _ in runs}) == 1
    files = [{path.name: path.read_bytes() for path in target.iterdir()} for target in targets]
    assert files[0] == files[1] == files[2]
    assert [row.path for row in runs[0][0].rows] == [f"{number:02d}.wav" for number in range(12) if number != 5]
    assert len(files[0]) == 2 * len(corpus)  # containers and their checksums
    links = [path.stat().st_nlink for path in targets[2].glob("*.wav")]
    assert min(links) > 2  # nothing was written again


def test_a_result_survives_packing(tmp_path: Path, corpus: list[list[SourceFile]]) -> None:
    found = Ingested.joined(decoding.ingest(part, None, settings()) for part in corpus)
    again = Ingested.unpack(found.pack())
    assert (again.rows, again.rejected) == (found.rows, found.rejected)
    for one, other in zip(again.landmarks, found.landmarks, strict=True):
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_a_part_with_a_file_that_is_left_out_or_has_changed_is_not_cached(
    tmp_path: Path, corpus: list[list[SourceFile]]
) -> None:
    (tmp_path / "audio").mkdir()
    cache, part = Cache(tmp_path / "cache"), max(corpus, key=len)
    options: Any = {"keep": True, "folder": tmp_path / "audio", "settings": settings(), "cache": cache}
    packed, _ = job.ingest_part(part, left_out=frozenset({1}), **options)
    found = Ingested.unpack(packed)
    assert [row.path for row in found.rejected if row.reason == "killed"] == [part[1].name]
    assert [row.path for row in found.rows] == [file.name for file in part if file.name not in (part[1].name, "05.wav")]
    soundfile.write(part[0].path, sound(99, 2), RATE)
    changed = rf"'{part[0].name}' has changed since the corpus was listed; run `dvc"
    with pytest.raises(ArtifactError, match=changed):
        job.ingest_part(part, left_out=frozenset(), **options)
    assert not cache.size()
