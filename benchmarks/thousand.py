"""The stages after features on a thousand hours: seconds and memory of each, next to those of a tenth of the hours.

    python -m benchmarks.thousand --hours 100 1000

The listing is simulated: 400 recordings per hour, 20 languages of different sizes, 5,000 speakers per thousand hours.
MFCCs are random numbers; all shards of the store are links to one file. The network is trained on little of it
(`train.frames`); the time of an epoch on all of it is that of the frames that it gets per second.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import scale
from pipeline import checksums, features, params, parts, tables
from pipeline.audio.wav import Container, Wav
from pipeline.console import terminal
from pipeline.corpus.entries import Entry
from pipeline.ingest import checks, job
from pipeline.rows import ExampleRow, RecordingRow, RejectedRow
from pipeline.shards import layout, writer

LANGUAGES = [
    "arabic", "bengali", "dutch", "english", "farsi", "french", "german", "hindi", "italian", "japanese", "korean",
    "mandarin", "polish", "portuguese", "russian", "spanish", "tamil", "turkish", "urdu", "vietnamese",
]  # fmt: skip
STAGES = ("speakers", "split", "balance", "audit", "train", "export", "evaluate", "summary", "report")
RATE_HZ, MEAN_S, PER_HOUR = 16_000, 9.0, 400
SPEAKERS_PER_HOUR = 5
PART = 200  # recordings that share a container
FRAMES = 0.5  # millions, of the training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[100.0, 1000.0])
    parser.add_argument("--work", type=Path, help="folder on a disk with enough space")
    given = parser.parse_args()
    measured: dict[str, list[str]] = {name: [name] for name in STAGES}
    for hours in given.hours:
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            project = scale.copy_project(Path(folder) / "project", Path(folder))
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
                process.submit(build, project, hours).result()  # the peak of a process includes that of its parent
            for name in STAGES:
                if name == "report":
                    record(project)
                seconds, memory = run(project, name)
                measured[name] += [f"{seconds:.1f} s", f"{memory / 1e6:,.0f} MB", f"{seconds / hours * 1000:.0f} ms"]
                print(f"{hours:g} hours: {' '.join(measured[name])}", flush=True)
    columns = [f"{hours:g} h {name}" for hours in given.hours for name in ("time", "memory", "per hour")]
    terminal.show_table(["stage", *columns], list(measured.values()))


def build(project: Path, hours: float) -> None:
    """Write parameters, the tables of ingest and trim, and the feature store."""
    path, artifacts = project / "params.yaml", project / "artifacts"
    tree = yaml.safe_load(path.read_text())
    tree["corpus"] |= {"languages": LANGUAGES, "root": "."}
    tree["train"]["frames"], tree["export"]["streaming"] = FRAMES, False
    path.write_text(yaml.safe_dump(tree))
    settings = params.load(path)
    rows = recordings(int(hours * PER_HOUR), max(int(hours * SPEAKERS_PER_HOUR), 10 * len(LANGUAGES)))
    for name in ("corpus", "ingest", "trim"):
        (artifacts / name).mkdir(parents=True)
    tables.write(
        artifacts / "corpus" / "files.csv", Entry, [Entry(row.path, row.language, row.speaker) for row in rows]
    )
    tables.write(artifacts / "ingest" / "recordings.csv", RecordingRow, rows)
    tables.write(artifacts / "ingest" / "rejected.csv", RejectedRow, [])
    quality, _ = checks.examine(rows, [], settings.corpus.checks)
    summary = {
        "languages": {name: job.summary(name, rows) for name in LANGUAGES},
        "rejected": 0,
        "left_out": {},
        "notes": [],
        "quality": {by: checks.summary(quality, by) for by in ("language", "source")},
    }
    checksums.write_json(artifacts / "ingest" / "summary.json", summary)
    speech = {"speech": 0.8, "without_speech": 0, "killed": []}
    checksums.write_json(artifacts / "trim" / "summary.json", dict.fromkeys(LANGUAGES, speech))
    for name in ("corpus", "ingest", "trim"):
        checksums.seal(artifacts / name)
    fill(artifacts / "features.zarr", rows, settings.mfcc)
    (artifacts / "data" / "demo").mkdir(parents=True)


def recordings(count: int, n_speakers: int) -> list[RecordingRow]:
    """Rows of ingest/recordings.csv; the first language has fifteen times as many as the last."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(15, 1, len(LANGUAGES))
    languages = np.sort(rng.choice(len(LANGUAGES), count, p=sizes / sizes.sum()))
    speakers = rng.integers(n_speakers // len(LANGUAGES), size=count)
    seconds = np.clip(rng.gamma(4, MEAN_S / 4, count), 1, 30)
    sound = rng.normal([-24, -8, -60, 7000, 40], [3, 2, 4, 300, 4], (count, 5)).round(2)
    rows = []
    for number, (language, speaker, length) in enumerate(zip(languages, speakers, seconds, strict=True)):
        name, samples, spoken = f"r{number:06}", round(length * RATE_HZ), LANGUAGES[language]
        level, peak, floor, bandwidth, modulation = sound[number].tolist()
        rows.append(
            RecordingRow(
                name, f"{name}.wav", spoken, f"{spoken}-{speaker}", name, samples / RATE_HZ, samples,
                RATE_HZ, 1, "WAV/PCM_16", f"{number:064x}", peak, level, 0.0, 0.0, name, f"{number // PART:06}.wav",
                bandwidth_hz=bandwidth, noise_floor_dbfs=floor, modulation_db=modulation, tonality=0.1,
            )
        )  # fmt: skip
    return rows


def fill(path: Path, rows: Sequence[RecordingRow], mfcc: params.Mfcc) -> None:
    """Write a store whose shards are one file of random numbers under many names."""
    wavs = [Wav.of(row, path.parent) for row in rows]
    spans = [np.array([[0, row.samples]], np.int64) for row in rows]
    features.lay_out(path, rows, wavs, spans, parts.of_containers([row.file for row in rows]), mfcc, RATE_HZ)
    store = layout.open_group(path, "r")
    rng = np.random.default_rng(1)
    mfccs = rng.normal(0, 30, (layout.SHARD_ROWS, mfcc.n_mfcc)).astype(np.float32)
    speech = rng.random(layout.SHARD_ROWS) < 0.8
    content: dict[str, Any] = {"mfcc": mfccs, "speech": speech}
    for name, values in content.items():
        array = layout.open_array(store, name)
        writer.write(path, name, 0, [values[: array.shape[0]]])
        first, *others = layout.shard_files(array)
        for file in others:
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).hardlink_to(path / first)


def record(project: Path) -> None:
    """Write the audio of the examples in the report."""
    artifacts = project / "artifacts"
    (artifacts / "audio").mkdir()
    rows = {row.recording: row for row in tables.read(artifacts / "ingest" / "recordings.csv", RecordingRow)}
    for example in tables.read(artifacts / "evaluation" / "examples.csv", ExampleRow):
        container = Container(artifacts / "audio" / rows[example.recording].file, RATE_HZ)
        container.begin()
        container.write(bytes(2 * rows[example.recording].samples))
        container.close()


def run(project: Path, name: str) -> tuple[float, float]:
    """Seconds of a stage, and the memory of its largest process in bytes."""
    began = time.monotonic()
    _, status, usage = os.wait4(scale.start(project, name).pid, 0)
    if status:
        sys.exit(f"stage {name} failed")
    return time.monotonic() - began, usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
