"""Estimate time, disk and memory of ingest, trim and features: measured on a sample of the corpus, then scaled.

seconds = start + the tasks' seconds in the sample · (all audio / the sample's) / workers
"""

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import mfcc, params, tables
from pipeline.audio.decode import duration
from pipeline.audio.wav import HEADER, Wav
from pipeline.cluster import dispatch
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError, CorpusError
from pipeline.jobs import features, ingest, trim
from pipeline.jobs.memo import Memo
from pipeline.shards import layout
from pipeline.tables import RecordingRow, SpanRow

SAMPLE = 3600  # s of audio for each processor of this machine: some seconds of work
LEAST = 16  # recordings, however long they are
START = 1.0  # s until Python has imported what a stage needs
TABLES = {"ingest": 4, "trim": 3}  # files beside the audio: tables, summary.json, SHA256SUMS
STORE = 4 + 2 * 5  # files beside the shards: zarr.json of two groups and two arrays, two files per table column

NOWHERE = Memo(Path(os.devnull))  # keeps nothing: what the sample costs must not be saved

_warm: set[str] = set()  # functions that this process, a worker, has called before


@dataclass(frozen=True)
class Estimate:
    """What one stage will take: time, what it writes, and the memory of its largest process."""

    stage: str
    seconds: float
    bytes: float
    files: float
    memory: float  # bytes


@dataclass(frozen=True)
class Done:
    """A result, with its process, its share of the task's seconds and the most memory of the process in bytes.

    All are 0 for an item that was given up.
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
    def of(cls, done: Sequence[Done], wall: float, prepared: float = 0.0) -> "Trial":
        """Sum up results that took `wall` seconds, after `prepared` seconds of this process alone."""
        work = sum(one.seconds for one in done)
        busy = work / max(1, len({one.process for one in done if one.process}))
        memory = max(_memory(), *(one.memory for one in done))
        return cls([one.result for one in done], work, prepared + max(0.0, wall - busy), memory)

    def seconds(self, share: float, workers: int) -> float:
        """Estimate the whole stage: the tasks' work grows with the audio and is divided among the workers."""
        return START + self.start + self.work * share / workers


def estimate(settings: params.Params, workers: int, place: Path) -> list[Estimate]:
    """Put a sample of the corpus through ingest, trim and features.

    Parameters
    ----------
    workers
        Processes that will do the work.
    place
        An empty folder on the disk that the run will use, for the sample's files.

    Raises
    ------
    CorpusError
        As `corpus.read`, and where none of the sample can be used.
    """
    began = time.perf_counter()
    listing = layouts.read(settings.corpus)
    layouts.check(listing.entries, listing.rejected, settings.corpus)
    root = Path(settings.corpus.root).resolve()
    sizes = [entry.stamp[0] for entry in listing.entries]
    listed = time.perf_counter() - began

    chosen = _choose(listing.entries, root, settings.seed)
    heard = _ingest([listing.entries[number] for number in chosen], root, place, settings)
    recordings = [row for row in heard.results if isinstance(row, RecordingRow)]
    if not recordings:
        raise CorpusError(f"none of {len(chosen)} recordings tried can be used; the first {heard.results[0].detail}")
    trimmed = _trim(recordings, place, settings)
    filled = _features(recordings, trimmed.results, place, settings)

    # Bytes tell of audio better than the number of files does.
    share = sum(sizes) / sum(sizes[number] for number in chosen)
    count = len(sizes) * len(recordings) / len(chosen)
    samples = share * sum(row.samples for row in recordings)
    frames = samples / settings.mfcc.hop_length + count
    table, spans = (place / name for name in ("recordings.csv", "spans.csv"))
    rows = sum(mfcc.frame_count(row.samples, settings.mfcc.hop_length) for row in recordings)
    packed = sum(_size(place / "features.zarr" / name / "c") for name in ("mfcc", "speech"))

    def made(stage: str, trial: Trial, written: float, files: float, before: float = 0.0) -> Estimate:
        return Estimate(stage, before + trial.seconds(share, workers), written, files, trial.memory)

    return [
        made(
            "ingest",
            heard,
            2 * samples + count * (HEADER + _size(table) / len(recordings)),
            count + TABLES["ingest"],
            listed,
        ),
        made("trim", trimmed, _size(spans) * share, TABLES["trim"]),
        made(
            "features",
            filled,
            packed / rows * frames,
            2 * ceil(frames / layout.SHARD) + STORE,
        ),
    ]


def table(estimates: Sequence[Estimate]) -> tuple[list[str], list[list[object]]]:
    """The same for a person to read, and the sums."""
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


def _choose(entries: Sequence[Entry], root: Path, seed: int) -> list[int]:
    """Numbers of recordings, in random order, until they hold enough audio."""
    wanted, chosen, heard = SAMPLE * (os.cpu_count() or 1), list[int](), 0.0
    for number in np.random.default_rng(seed).permutation(len(entries)).tolist():
        if heard >= wanted and len(chosen) >= LEAST:
            break
        chosen.append(number)
        try:
            heard += duration(root / entries[number].path)
        except AudioError:
            continue  # ingest will reject it
    return chosen


def _ingest(entries: Sequence[Entry], root: Path, place: Path, settings: params.Params) -> Trial:
    decode = functools.partial(ingest.ingest, root=root, folder=place, settings=settings.audio)
    trial = _try(
        decode,
        ingest.batches(entries),
        ingest.lost,
        lambda entry: entry.stamp[0] / dispatch.BYTES_PER_S,
        place,
        "recordings of the sample decoded",
    )
    tables.write(
        place / "recordings.csv", RecordingRow, [row for row in trial.results if isinstance(row, RecordingRow)]
    )
    return trial


def _trim(recordings: Sequence[RecordingRow], place: Path, settings: params.Params) -> Trial:
    wavs = [Wav.of(row, place) for row in recordings]
    find = functools.partial(
        trim.find,
        sample_rate=settings.audio.sample_rate,
        detection=settings.silence,
        kept=NOWHERE,
    )
    batches = list(trim.batches(wavs, settings.audio.sample_rate))
    trial = _try(
        find,
        batches,
        trim.lost,
        lambda wav: wav.samples / dispatch.SAMPLES_PER_S,
        place,
        "recordings of the sample searched for speech",
    )
    found = zip(recordings, trial.results, strict=True)
    spans = (SpanRow(row.recording, *map(int, span)) for row, result in found for span in result.spans)
    tables.write(place / "spans.csv", SpanRow, spans)
    return trial


def _features(
    recordings: Sequence[RecordingRow], found: Sequence[trim.Found], place: Path, settings: params.Params
) -> Trial:
    began = time.perf_counter()
    kernel = mfcc.make_kernel(settings.mfcc, settings.audio.sample_rate)
    sources = [features.Source(Wav.of(row, place), result.spans) for row, result in zip(recordings, found, strict=True)]
    batches = features.batches(sources, settings.mfcc, settings.audio.sample_rate, NOWHERE)
    target = place / "features.zarr"
    features.create(target, recordings, sources, settings.mfcc, settings.audio.sample_rate)
    fill = functools.partial(features.fill, path=target, kernel=kernel, top_db=settings.mfcc.top_db, kept=NOWHERE)
    return _try(
        fill,
        batches,
        features.lost,
        lambda part: part.piece.count * settings.mfcc.hop_length / dispatch.SAMPLES_PER_S,
        place,
        "pieces of the sample",
        prepared=time.perf_counter() - began,
    )


def _try(
    function: Callable[[Sequence[Any]], list[Any]],
    batches: Sequence[Sequence[Any]],
    lost: Callable[[Any, dispatch.Cause], Any],
    allowance: Callable[[Any], float],
    place: Path,
    unit: str,
    prepared: float = 0.0,
) -> Trial:
    """Have the cluster do the work, each task timed."""
    began = time.perf_counter()
    with dispatch.connect(ingest, trim, features) as client:
        done = dispatch.map(
            client,
            functools.partial(_timed, function=function),
            batches,
            folder=place,
            lost=lambda item, cause: Done(lost(item, cause), 0, 0.0, 0),
            allowance=lambda item: 2 * allowance(item),  # `_timed` may do one twice
            job="plan",
            unit=unit,
        )
    return Trial.of(done, time.perf_counter() - began, prepared)


def _timed(items: Sequence[Any], function: Callable[[Sequence[Any]], list[Any]]) -> list[Done]:
    """Call a function, once before it counts where this process has not: imports are no measure of the work."""
    name = function.func.__name__ if isinstance(function, functools.partial) else function.__name__
    if name not in _warm:
        _warm.add(name)
        function(items[:1])
    began = time.perf_counter()
    results = function(items)
    seconds = (time.perf_counter() - began) / len(results)
    return [Done(result, os.getpid(), seconds, _memory()) for result in results]


def _memory() -> int:
    """The most memory that this process has had, bytes."""
    with Path("/proc/self/status").open(encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
