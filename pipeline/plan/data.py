"""Ingest, trim and features: measured on some parts of the corpus, then scaled.

seconds = start + seconds of the sample · (bytes of all files / bytes of the sample) / workers
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import features, params, parts, tables, trim
from pipeline.audio.wav import Wav, beside
from pipeline.cache import Cache
from pipeline.corpus import layouts
from pipeline.errors import CorpusError
from pipeline.ingest import job
from pipeline.ingest.decoding import ingest
from pipeline.ingest.part import Ingested, SourceFile, divide
from pipeline.plan.figures import Estimate, memory
from pipeline.rows import DuplicateRow, RecordingRow, SpanRow
from pipeline.shards import layout

SAMPLE_BYTES = 64 << 20  # of files: half an hour of 16-bit WAV, some seconds of work
START_S = 2.5  # until Python has imported what a stage needs, and its workers have started
TABLE_FILES = {"ingest": 7, "trim": 3}  # in addition to the audio: tables, summary.json, SHA256SUMS
STORE_FILES = 1 + len(layout.CHECKSUMMED_FILES)  # in addition to the shards: the group's own zarr.json and those


class Sample(NamedTuple):
    """Estimates, the recordings of the chosen parts, and how many times larger the corpus is."""

    estimates: list[Estimate]
    recordings: list[RecordingRow]
    factor: float


def measure(settings: params.Params, workers: int, place: Path) -> Sample:
    """Run some parts of the corpus through ingest, trim and features here; arguments and errors as for `estimate`."""
    listing = layouts.read(settings.corpus)
    layouts.check(listing.entries, listing.rejected, settings.corpus, listing.skipped)
    divided = divide(listing.entries, layouts.roots(settings.corpus))
    chosen = _choose(divided, settings.seed)
    share = _size(divided) / _size(chosen)
    rate, mfcc = settings.audio.sample_rate, settings.mfcc

    def scaled(stage: str, work: Callable[[Any], Any], tasks: Sequence[Any]) -> tuple[list[Any], float, int]:
        """Return the results of tasks, the seconds of a stage with all parts, and the memory."""
        work(tasks[0])  # not timed: imports, and the compiler
        began = time.perf_counter()
        results = [work(task) for task in tasks]
        seconds = START_S + (time.perf_counter() - began) * share / workers
        print(f"plan: {stage}, {len(tasks)} of {len(divided)} parts", flush=True)
        return results, seconds, memory()

    ingested, ingest_s, ingest_memory = scaled(
        "ingest", lambda number: ingest(chosen[number], place / f"{number}.wav", settings.audio), range(len(chosen))
    )
    found = Ingested.joined(ingested)
    if not found.rows:
        first = found.rejected[0].detail
        raise CorpusError(f"none of {sum(map(len, chosen))} files tried can be used; the first {first}")
    began = time.perf_counter()
    recordings, duplicates = job.grouped(found.rows, found.landmarks, rate)
    ingest_s += (time.perf_counter() - began) * share
    tables.write(place / "recordings.csv", RecordingRow, recordings)
    tables.write(place / "duplicates.csv", DuplicateRow, duplicates)

    of_parts = parts.of_containers([row.file for row in recordings])
    wavs = [Wav.of(row, place) for row in recordings]
    bound: dict[str, Any] = {"left_out": frozenset(), "sample_rate": rate, "cache": Cache(place / "cache")}
    searched, trim_s, trim_memory = scaled(
        "trim",
        lambda part: trim.find(wavs[part.start : part.stop], keep=False, detection=settings.silence, **bound),
        of_parts,
    )
    spans = [np.array(each, np.int64).reshape(-1, 2) for content, _ in searched for each in json.loads(content)]
    listed = zip(recordings, spans, strict=True)
    tables.write(
        place / "spans.csv", SpanRow, [SpanRow(row.recording, *map(int, span)) for row, each in listed for span in each]
    )

    path = place / "features.zarr"
    work = features.lay_out(path, recordings, wavs, spans, of_parts, mfcc, rate)
    kernel = features.kernel_of(mfcc, rate, bound["cache"])
    _, features_s, features_memory = scaled(
        "features",
        lambda part: features.compute_part(part, keep=True, path=path, kernel=kernel, settings=mfcc, **bound),
        work,
    )

    audio = [file for row in {row.file for row in recordings} for file in (place / row, beside(place / row))]
    shards = [file for name in ("mfcc", "speech") for file in (path / name / "c").rglob("*") if file.is_file()]
    ingest_bytes = _written(audio) + _written([place / "recordings.csv", place / "duplicates.csv"])
    ingest_files = TABLE_FILES["ingest"] + (2 * len(divided) if len(chosen) < len(divided) else len(audio))
    store_files = round(len(shards) * share) + STORE_FILES
    estimates = [
        Estimate("ingest", ingest_s, ingest_bytes * share, ingest_files, ingest_memory),
        Estimate("trim", trim_s, _written([place / "spans.csv"]) * share, TABLE_FILES["trim"], trim_memory),
        Estimate("features", features_s, _written(shards) * share, store_files, features_memory),
    ]
    return Sample(estimates, recordings, share)


def _choose(divided: Sequence[list[SourceFile]], seed: int) -> list[list[SourceFile]]:
    """Return random parts that together hold enough audio, in order."""
    numbers = np.random.default_rng(seed).permutation(len(divided)).tolist()
    sizes = np.cumsum([_size([divided[number]]) for number in numbers])
    return [divided[number] for number in sorted(numbers[: int(np.searchsorted(sizes, SAMPLE_BYTES)) + 1])]


def _size(divided: Sequence[list[SourceFile]]) -> int:
    return sum(file.size for part in divided for file in part)


def _written(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
