"""How fast the network learns from the store, against Keras on the same sequences held in memory as arrays.

`arrays` is model.fit on arrays, `held` a pool with room for every sequence, `streamed` one with room for half of them
(but no more than train.memory): epochs of each by turns, on one network, so that what else the machine does meets all.
Before that, a streamed training in a process of its own tells its peak memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pipeline import backend, params, tables
from pipeline.dataset.sequences import cut
from pipeline.network import forms
from pipeline.network.definition import Architecture, make_architecture
from pipeline.shards import layout, writer
from pipeline.store.feature_store import FeatureStore
from pipeline.store.selection import Example, Selection
from pipeline.tables import SequenceRow
from pipeline.training import feed, fitting

FRAMES_AN_HOUR = 360_000
EPOCHS = 2  # at a time, so that one is read while another is learnt
SPLITS = ("train",) * 13 + ("val",) * 3 + ("test",) * 4  # of twenty recordings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=4, help="turns of each way; 0: only the peak memory")
    parser.add_argument("--folder", type=Path, help="for the store, of 90 MB an hour, instead of the temporary one")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(given.folder)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        build(Path(folder), given.hours)
        # First, while this process is small: a process counts as its own peak what its parent held when it was made.
        command = [sys.executable, __file__, "--peak", "--folder", folder]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        if given.rounds:
            compare(Path(folder), given.rounds)


def build(folder: Path, hours: float) -> None:
    """A store of noise, and manifests of it."""
    settings, rng = params.load(Path("params.yaml")), np.random.default_rng(0)
    lengths: list[int] = []
    while sum(lengths) < hours * FRAMES_AN_HOUR:
        lengths += rng.integers(300, 1500, 1000).tolist()
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), hours * FRAMES_AN_HOUR)) + 1]
    ids = [f"r{number:06d}" for number in range(len(lengths))]
    languages = [settings.corpus.languages[number % 3] for number in range(len(ids))]
    n_mfcc = settings.mfcc.n_mfcc
    writer.create(folder / "features.zarr", ids, languages, ids, lengths, n_mfcc, {})
    for shard in layout.deal(lengths):
        mfcc = rng.standard_normal((shard.stop - shard.start, n_mfcc), np.float32) * 30
        speech = np.repeat(rng.random(len(mfcc) // 50 + 1) < 0.8, 50)[: len(mfcc)]
        writer.write(folder / "features.zarr", shard.start, mfcc, speech)
    rows: dict[str, list[SequenceRow]] = {name: [] for name in SPLITS}
    made_for = {"view": "mask", "features": FeatureStore.open(folder / "features.zarr").id}
    for number, (name, language, length) in enumerate(zip(ids, languages, lengths, strict=True)):
        pieces = cut(length, settings.sequence.length)
        rows[SPLITS[number % 20]] += [SequenceRow(name, name, language, name, *piece, **made_for) for piece in pieces]
    for split in ("train", "val"):
        tables.write(folder / f"{split}.csv", SequenceRow, rows[split])


def chosen(folder: Path) -> tuple[Architecture, Selection, Selection, float]:
    """The network, its sequences for training and validation, and the GB that half of the first take."""
    settings = params.load(Path("params.yaml"))
    opened, languages = FeatureStore.open(folder / "features.zarr"), settings.corpus.languages
    train, val = (opened.select(manifest=folder / f"{name}.csv").view("mask", languages) for name in ("train", "val"))
    design = make_architecture(settings.model, languages, None, *fitting.moments(train))
    frame = 4 * design.n_mfcc + 8 + 4  # bytes of features, target, weight
    return design, train, val, len(train) * int(train.items["frames"].max()) * frame / 2e9


def compare(folder: Path, rounds: int) -> None:
    """Epochs of each way by turns on one network; the best of each is told."""
    settings = params.load(Path("params.yaml")).train
    design, train, _, half = chosen(folder)
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    right = fitting.accepted(design.members[0], design.classes)
    model = forms.member(design, 0)
    fitting.prepare(model, right, settings.learning_rate)
    ((x, y, weights),) = feed.batches(train, len(train), int(train.items["frames"].max()))
    held, streamed = feed.Pool(train, 2.01 * half), feed.Pool(train, min(half, settings.memory))

    def pooled(pool: feed.Pool) -> list[float]:
        def epochs() -> Iterator[Iterator[Example]]:
            return (pool.epoch(np.random.default_rng(epoch)) for epoch in range(EPOCHS))

        fed = feed.Feed(epochs, train, settings.batch_size, right)
        return fit(fed.dataset(), steps_per_epoch=fed.steps, shuffle=False)

    def fit(*data: object, **options: object) -> list[float]:
        ends = [time.perf_counter()]
        ended = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
        model.fit(*data, epochs=EPOCHS, verbose=0, callbacks=[ended], **options)
        return np.diff(ends).tolist()

    ways: dict[str, Callable[[], list[float]]] = {
        "arrays": lambda: fit(x, y, sample_weight=weights, batch_size=settings.batch_size),
        "held": lambda: pooled(held),
        "streamed": lambda: pooled(streamed),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            seconds[name] += work()
    for name, took in seconds.items():
        ratio = min(seconds["arrays"]) / min(took)
        print(f"{name:9} {train.frames / min(took):8,.0f} frames/s   {ratio:5.2f} x arrays", flush=True)


def peak(folder: Path) -> None:
    """Two streamed epochs, as the train stage runs them."""
    settings = params.load(Path("params.yaml"))
    design, train, val, half = chosen(folder)
    memory = min(half, settings.train.memory)
    fit = settings.train.model_copy(update={"epochs": EPOCHS, "memory": memory})
    fitting.fit(design, None, train, val, fit, settings.seed)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"streamed with train.memory {memory:.2f}, {train.frames:,} frames: {most:.2f} GB at most")


if __name__ == "__main__":
    main()
