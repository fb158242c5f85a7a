"""Estimate time, disk and memory of ingest, trim and features: measured on a sample of the corpus, then scaled.

seconds = start + the tasks' seconds in the sample · (all audio / the sample's) / workers
"""

import dataclasses
import functools
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import params, tables
from pipeline.audio.decode import duration
from pipeline.audio.wav import HEADER_BYTES, Wav
from pipeline.cluster import engine
from pipeline.cluster.job import Job
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError, CorpusError
from pipeline.jobs import features, ingest, trim
from pipeline.jobs.decoding import Decoded, SourceFile
from pipeline.jobs.features import FEATURES
from pipeline.jobs.ingest import INGEST
from pipeline.jobs.memo import Memo
from pipeline.jobs.trim import TRIM
from pipeline.mfcc.kernel import frame_count
from pipeline.rows import DuplicateRow, RecordingRow, SpanRow
from pipeline.shards import layout

if TYPE_CHECKING:
    from distributed import Client

SAMPLE_S = 3600  # of audio per core of this machine: some seconds of work
MIN_FILES = 16  # of the sample, however long they are
START_S = 1.0  # until Python has imported what a stage needs
TABLE_FILES = {"ingest": 7, "trim": 3}  # in addition to the audio: tables, summary.json, SHA256SUMS
STORE_FILES = 1 + len(layout.CHECKSUMMED_FILES)  # in addition to the shards: the group's own zarr.json and those

NO_MEMO = Memo(Path(os.devnull))  # stores nothing: the sample must be computed

_warm: set[str] = set()  # functions that this process, a worker, has called before


@dataclass(frozen=True)
class Estimate:
    """Time, written bytes and files, and the memory of the largest process of one stage."""

    stage: str
    seconds: float
    bytes: float
    files: float
    memory: float  # bytes


@dataclass(frozen=True)
class Done:
    """A result, with its process, its share of the task's seconds and the peak memory of the process in bytes.

    All are 0 for an item that failed.
    """

    result: Any
    process: int
    seconds: float
    memory: int


@dataclass(frozen=True)
class Trial:
    """The sample in one stage.

    Attributes
    ----------
    work
        Seconds in tasks, of all processes together.
    start
        Seconds around the tasks, however many there are.
    memory
        Bytes of the largest process.
    """

    results: list[Any]
    work: float
    start: float
    memory: int

    @classmethod
    def of(cls, done: Sequence[Done], wall_s: float) -> "Trial":
        """Sum up results that took `wall_s` seconds in all."""
        work = sum(item.seconds for item in done)
        busy = work / max(1, len({item.process for item in done if item.process}))
        memory = max(_memory(), *(item.memory for item in done))
        return cls([item.result for item in done], work, max(0.0, wall_s - busy), memory)

    def seconds(self, share: float, workers: int) -> float:
        """Estimate the whole stage: the tasks' work grows with the audio and is divided among the workers."""
        return START_S + self.start + self.work * share / workers


def estimate(settings: params.Params, workers: int, place: Path) -> list[Estimate]:
    """Run a sample of the corpus through ingest, trim and features.

    Parameters
    ----------
    workers
        Number of worker processes.
    place
        An empty folder on the disk that the run will use, for the sample's files.

    Raises
    ------
    CorpusError
        As `layouts.read`, and if no recording of the sample can be used.
    """
    began = time.perf_counter()
    listing = layouts.read(settings.corpus)
    layouts.check(listing.entries, listing.rejected, settings.corpus, listing.skipped)
    roots, rate = layouts.roots(settings.corpus), settings.audio.sample_rate
    batches = ingest.batches(listing.entries, roots)
    files = [file for batch in batches for file in batch]
    listed = time.perf_counter() - began

    chosen = _choose(files, settings.seed)
    ingested = _ingest([entry for file in chosen for entry in file.entries], roots, place, settings)
    decoded = [result for results in ingested.results for result in results if isinstance(result, Decoded)]
    began = time.perf_counter()
    recordings = ingest.placed(decoded, place, rate)
    recordings, duplicates = ingest.grouped(recordings, [item.landmarks for item in decoded], rate)
    grouped = time.perf_counter() - began
    if not recordings:
        first = ingested.results[0][0].detail
        raise CorpusError(f"none of {len(chosen)} files tried can be used; the first {first}")
    tables.write(place / "recordings.csv", RecordingRow, recordings)
    tables.write(place / "duplicates.csv", DuplicateRow, duplicates)
    trimmed = _trim(recordings, place, settings)
    filled = _features(recordings, trimmed.results, place, settings)

    # Bytes are a better measure of audio than the number of files.
    share = sum(file.size for file in files) / sum(file.size for file in chosen)
    count = len(files) * len(recordings) / len(chosen)
    samples = share * sum(row.samples for row in recordings)
    frames = samples / settings.mfcc.hop_length + count
    listed_bytes, spans = (
        sum(_size(place / f"{name}.csv") for name in ("recordings", "duplicates")),
        place / "spans.csv",
    )
    rows = sum(frame_count(row.samples, settings.mfcc.hop_length) for row in recordings)
    packed = sum(_size(place / "features.zarr" / name / "c") for name in ("mfcc", "speech"))

    def made(stage: str, trial: Trial, written: float, files: float, before: float = 0.0) -> Estimate:
        return Estimate(stage, before + trial.seconds(share, workers), written, files, trial.memory)

    return [
        made(
            "ingest",
            ingested,
            2 * samples + len(batches) * HEADER_BYTES + count * listed_bytes / len(recordings),
            len(batches) + TABLE_FILES["ingest"],
            listed + grouped * share,
        ),
        made("trim", trimmed, _size(spans) * share, TABLE_FILES["trim"]),
        made(
            "features",
            filled,
            packed / rows * frames,
            2 * ceil(frames / layout.SHARD_ROWS) + STORE_FILES,
        ),
    ]


def table(estimates: Sequence[Estimate]) -> tuple[list[str], list[list[object]]]:
    """Header and rows of a table of estimates, with their sums."""
    rows: list[list[object]] = [
        [
            row.stage,
            _time(row.seconds),
            f"{row.bytes / 1e6:,.0f} MB",
            f"{row.files:,.0f}",
            f"{row.memory / 1e6:,.0f} MB",
        ]
        for row in estimates
    ]
    sums = (sum(getattr(row, name) for row in estimates) for name in ("seconds", "bytes", "files"))
    seconds, written, number = sums
    most = max(row.memory for row in estimates)
    rows.append(["together", _time(seconds), f"{written / 1e6:,.0f} MB", f"{number:,.0f}", f"{most / 1e6:,.0f} MB"])
    return ["stage", "time", "disk", "files", "memory"], rows


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _choose(files: Sequence[SourceFile], seed: int) -> list[SourceFile]:
    """Random files that together hold enough audio, in order."""
    wanted_s, chosen, total_s = SAMPLE_S * (os.cpu_count() or 1), list[int](), 0.0
    for number in np.random.default_rng(seed).permutation(len(files)).tolist():
        if total_s >= wanted_s and len(chosen) >= MIN_FILES:
            break
        chosen.append(number)
        try:
            total_s += duration(files[number].path)
        except AudioError:
            continue  # ingest will reject it
    return [files[number] for number in sorted(chosen)]


def _ingest(entries: Sequence[Entry], roots: Mapping[str, Path], place: Path, settings: params.Params) -> Trial:
    def run(client: "Client", job: Job[Any, Any]) -> list[Any]:
        return ingest.run(client, entries, roots, place, settings.audio, job)

    return _try(INGEST, "files of the sample decoded", run)


def _trim(recordings: Sequence[RecordingRow], place: Path, settings: params.Params) -> Trial:
    wavs = [Wav.of(row, place) for row in recordings]

    def run(client: "Client", job: Job[Any, Any]) -> list[Any]:
        return trim.run(client, wavs, place, settings.audio.sample_rate, settings.silence, NO_MEMO, job)

    trial = _try(TRIM, "recordings of the sample searched for speech", run)
    found = zip(recordings, trial.results, strict=True)
    spans = (SpanRow(row.recording, *map(int, span)) for row, result in found for span in result.spans)
    tables.write(place / "spans.csv", SpanRow, spans)
    return trial


def _features(
    recordings: Sequence[RecordingRow], found: Sequence[trim.Found], place: Path, settings: params.Params
) -> Trial:
    sources = [features.Source(Wav.of(row, place), result.spans) for row, result in zip(recordings, found, strict=True)]
    path, sample_rate = place / "features.zarr", settings.audio.sample_rate

    def run(client: "Client", job: Job[Any, Any]) -> list[Any]:
        return features.run(client, recordings, sources, path, settings.mfcc, sample_rate, NO_MEMO, job)

    return _try(FEATURES, "pieces of the sample", run)


def _try(job: Job[Any, Any], unit: str, run: Callable[["Client", Job[Any, Any]], list[Any]]) -> Trial:
    """Run a job on the cluster and time each of its tasks."""
    timed = dataclasses.replace(
        job,
        name="plan",
        unit=unit,
        function=functools.partial(_timed, function=job.function),
        placeholder=lambda item, cause: Done(job.placeholder(item, cause), 0, 0.0, 0),
        allowance_s=lambda item: 2 * job.allowance_s(item),  # `_timed` may compute an item twice
    )
    began = time.perf_counter()
    with engine.connect(job) as client:
        done = run(client, timed)
    return Trial.of(done, time.perf_counter() - began)


def _timed(items: Sequence[Any], function: Callable[..., list[Any]], **bound: Any) -> list[Done]:
    """Time a call of a function. An untimed call comes first, once per process, so that imports are not counted."""
    if function.__name__ not in _warm:
        _warm.add(function.__name__)
        function(items[:1], **bound)
    began = time.perf_counter()
    results = function(items, **bound)
    seconds = (time.perf_counter() - began) / len(results)
    return [Done(result, os.getpid(), seconds, _memory()) for result in results]


def _memory() -> int:
    """Peak memory of this process, bytes."""
    with suppress(FileNotFoundError), Path("/proc/self/status").open(encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    import resource  # elsewhere than on Linux, where it counts what the parent held before exec

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
