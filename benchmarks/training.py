"""Training speed from the store, compared with Keras on the same sequences as arrays in memory.

`arrays` is model.fit on arrays, `pool` a pool with room for every sequence, and `streamed` a pool with room for half of
them (at most train.memory). `layers` is `arrays` with a loop over the frames for each recurrent layer. All train in
turns, so that other load on the machine affects them equally. `products` is what NumPy takes for the matrix products of
a training step alone. Before that, a streamed training in its own process prints its peak memory, and when it had
trained its first batch.
"""

import argparse
import functools
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil

from pipeline import backend, params, tables
from pipeline.backend import Model
from pipeline.dataset.views import sequence_rows
from pipeline.network import forms
from pipeline.network.definition import Architecture, make_architecture
from pipeline.rows import SequenceRow, SplitRow
from pipeline.shards import layout, writer
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from pipeline.store.selection import Selection
from pipeline.training import feed, fitting

FRAMES_PER_HOUR = 360_000
EPOCHS = 2  # per turn: the second is read while the network trains on the first
SPLIT_PATTERN = ("train",) * 13 + ("val",) * 3 + ("test",) * 4  # splits of twenty recordings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=4, help="turns per feed; 0: only the peak memory")
    parser.add_argument("--folder", type=Path, help="folder of the store, 90 MB per hour (default: the temporary one)")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(given.folder)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        build(Path(folder), given.hours)
        # First, while this process is small: the peak of a new process includes the memory of its parent.
        command = [sys.executable, __file__, "--peak", "--folder", folder]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        if given.rounds:
            frames, epochs_s = compare(Path(folder), given.rounds)
            for name, epoch_s in epochs_s.items():
                ratio = epochs_s["arrays"] / epoch_s
                print(f"{name:9} {frames / epoch_s:8,.0f} frames/s   {ratio:5.2f} x arrays", flush=True)


def build(folder: Path, hours: float) -> None:
    """Write a store of noise, and manifests of it."""
    settings, rng = params.load(Path("params.yaml")), np.random.default_rng(0)
    lengths: list[int] = []
    while sum(lengths) < hours * FRAMES_PER_HOUR:
        lengths += rng.integers(300, 1500, 1000).tolist()
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), hours * FRAMES_PER_HOUR)) + 1]
    ids = [f"r{index:06d}" for index in range(len(lengths))]
    languages = [settings.corpus.languages[index % 3] for index in range(len(ids))]
    n_mfcc = settings.mfcc.n_mfcc
    starts = layout.row_starts(lengths, [range(len(lengths))])
    writer.create(folder / "features.zarr", ids, languages, ids, starts, lengths, n_mfcc, {})
    mfcc = (rng.standard_normal((length, n_mfcc), np.float32) * 30 for length in lengths)
    speech = (np.repeat(rng.random(length // 50 + 1) < 0.8, 50)[:length] for length in lengths)
    writer.write(folder / "features.zarr", "mfcc", 0, mfcc)
    writer.write(folder / "features.zarr", "speech", 0, speech)
    rows: dict[str, list[SequenceRow]] = {name: [] for name in SPLIT_PATTERN}
    store_id = FeatureStore.open(folder / "features.zarr").id
    for index, (recording, language, length) in enumerate(zip(ids, languages, lengths, strict=True)):
        row = SplitRow(recording, language, recording, recording, length * 3600 / FRAMES_PER_HOUR)
        split = SPLIT_PATTERN[index % len(SPLIT_PATTERN)]
        rows[split] += sequence_rows(row, length, settings.sequence.length, "mask", store_id)
    for split in ("train", "val"):
        tables.write(folder / f"{split}.csv", SequenceRow, rows[split])


def load(folder: Path) -> tuple[Architecture, Selection, Selection, float]:
    """The network, its sequences for training and validation, and half of the memory of the first in GB."""
    settings = params.load(Path("params.yaml"))
    store, languages = FeatureStore.open(folder / "features.zarr"), settings.corpus.languages
    train, val = (store.select(manifest=folder / f"{name}.csv").view("mask", languages) for name in ("train", "val"))
    architecture = make_architecture(settings.model, languages, None, *fitting.moments(train))
    frame_bytes = 4 * architecture.n_mfcc + 8 + 4  # features, target, weight
    return architecture, train, val, len(train) * int(train.items["frames"].max()) * frame_bytes / 2e9


def compare(folder: Path, rounds: int) -> tuple[int, dict[str, float]]:
    """Train one network with each feed in turns; the frames of an epoch, and the seconds of the best of each feed."""
    settings = params.load(Path("params.yaml")).train
    architecture, train, _, half_gb = load(folder)
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    correct = fitting.correct_outputs(architecture.members[0], architecture.classes)
    model, layers = forms.network(architecture, 0), forms.sequence(architecture)
    for each in (model, layers):
        fitting.prepare(each, correct, settings, steps=1000, learning_rate=settings.learning_rate)
    steps = -(-int(train.items["frames"].max()) // architecture.stride)
    ((x, y, weights),) = feed.batches(feed.strided(train, architecture.stride), len(train), steps)
    whole, half = feed.Pool(train, 2.01 * half_gb), feed.Pool(train, min(half_gb, settings.memory))

    def pooled(pool: feed.Pool) -> list[float]:
        def epochs() -> Iterator[Iterator[Example]]:
            return (pool.epoch(np.random.default_rng(epoch)) for epoch in range(EPOCHS))

        batches = feed.Feed(epochs, train, len(train), settings.batch_size, architecture.stride, correct)
        return fit(model, batches.dataset(), steps_per_epoch=batches.steps, shuffle=False)

    def fit(model: Model, *data: object, **options: object) -> list[float]:
        ends = [time.perf_counter()]
        ended = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
        model.fit(*data, epochs=EPOCHS, verbose=0, callbacks=[ended], **options)
        durations_s: list[float] = np.diff(ends).tolist()
        return durations_s

    feeds: dict[str, Callable[[], list[float]]] = {
        "arrays": lambda: fit(model, x, y, sample_weight=weights, batch_size=settings.batch_size),
        "layers": lambda: fit(layers, x, y, sample_weight=weights, batch_size=settings.batch_size),
        "pool": lambda: pooled(whole),
        "streamed": lambda: pooled(half),
    }
    durations_s: dict[str, list[float]] = {name: [] for name in feeds}
    for _ in range(rounds):
        for name, train_epochs in feeds.items():
            durations_s[name] += train_epochs()
    best = {name: min(epochs_s) for name, epochs_s in durations_s.items()}
    return train.frames, best | {"products": train.frames * products(model, settings.batch_size, architecture.stride)}


def products(model: Model, batch_size: int, stride: int) -> float:
    """Seconds of NumPy's matrix products for one frame of a sequence: forwards, and twice as many backwards."""
    rng, total = np.random.default_rng(0), 0.0
    for kernel in (weight for weight in model.trainable_weights if "kernel" in weight.name):
        left, right = (rng.random(shape, np.float32) for shape in ((batch_size, kernel.shape[0]), kernel.shape))
        total += min(timeit.repeat(functools.partial(np.matmul, left, right), number=1000, repeat=5)) / 1000
    return 3 * total / batch_size / stride


def peak(folder: Path) -> None:
    """Train two streamed epochs as the train stage does; print the peak memory, and the time until the first batch."""
    settings = params.load(Path("params.yaml"))
    architecture, train, val, half_gb = load(folder)
    memory_gb = min(half_gb, settings.train.memory)
    streamed = settings.train.model_copy(update={"epochs": EPOCHS, "memory": memory_gb})
    _, (_, second) = fitting.fit(architecture, None, train, val, streamed, settings.seed)
    since_start_s = time.time() - psutil.Process().create_time()
    steps = -(-len(train) // settings.train.batch_size)
    first_batch_s = since_start_s - (2 - 1 / steps) * second.seconds
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"streamed with train.memory {memory_gb:.2f}, {train.frames:,} frames: "
        f"peak {peak_gb:.2f} GB, first batch after {first_batch_s:.1f} s"
    )


if __name__ == "__main__":
    main()
