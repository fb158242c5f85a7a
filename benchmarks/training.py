"""How fast the network learns from the store, against Keras on the same sequences held in memory as arrays.

Each way runs in a process of its own on a store of noise: `arrays` is model.fit on arrays, `held` the train stage with
room for every sequence, `streamed` with room for half of them (but no more than train.memory).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline import backend, feed, network, params, sequences, shards, tables, training
from pipeline.selection import Selection
from pipeline.store import FeatureStore
from pipeline.tables import Sequence

WAYS = ("arrays", "held", "streamed")
FRAMES_AN_HOUR = 360_000
SPLITS = ("train",) * 13 + ("val",) * 3 + ("test",) * 4  # of twenty recordings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--folder", type=Path, help="of the store; a temporary one without it")
    parser.add_argument("--run", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        print(json.dumps(run(given.run, given.folder, given.epochs)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        build(Path(folder), given.hours)
        best: dict[str, dict[str, float]] = {}
        for _ in range(given.rounds):  # by turns, so that what else the machine does meets all ways alike
            for way in given.ways:
                command = [sys.executable, __file__, "--run", way, "--folder", folder, "--epochs", str(given.epochs)]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found = json.loads(told.splitlines()[-1])
                best[way] = min(best.get(way, found), found, key=lambda of_one: of_one["seconds"])
    for way, found in best.items():
        ratio = f"{best['arrays']['seconds'] / found['seconds']:5.2f} x arrays" if "arrays" in best else ""
        print(
            f"{way:9} {found['frames'] / found['seconds']:8,.0f} frames/s   {found['peak']:5.2f} GB at most   {ratio}"
        )


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
    shards.create(folder / "features.zarr", ids, languages, ids, lengths, n_mfcc, {})
    for shard in shards.deal(lengths):
        mfcc = rng.standard_normal((shard.stop - shard.start, n_mfcc), np.float32) * 30
        speech = np.repeat(rng.random(len(mfcc) // 50 + 1) < 0.8, 50)[: len(mfcc)]
        shards.write(folder / "features.zarr", shard.start, mfcc, speech)
    rows: dict[str, list[Sequence]] = {name: [] for name in SPLITS}
    for number, (name, language, length) in enumerate(zip(ids, languages, lengths, strict=True)):
        pieces = sequences.cut(length, settings.sequence.length)
        rows[SPLITS[number % 20]] += [Sequence(name, name, language, name, *piece) for piece in pieces]
    for split in ("train", "val"):
        tables.write(folder / f"{split}.csv", Sequence, rows[split])


def run(way: str, folder: Path, epochs: int) -> dict[str, float]:
    """Learn some epochs; frames and seconds of the best, and the peak memory of this process in GB."""
    settings = params.load(Path("params.yaml"))
    languages = settings.corpus.languages
    opened = FeatureStore.open(folder / "features.zarr")
    train, val = (opened.select(manifest=folder / f"{name}.csv").view("mask", languages) for name in ("train", "val"))
    design = network.design(settings.model, languages, None, *training.moments(train))
    frame = 4 * design.n_mfcc + 8 + 4  # bytes of features, target, weight
    held = len(train) * int(train.items["frames"].max()) * frame / 1e9
    memory = held * 1.01 if way == "held" else min(held / 2, settings.train.memory)
    fit = settings.train.model_copy(update={"epochs": epochs, "patience": epochs, "memory": memory})
    if way == "arrays":
        seconds = arrays(design, train, val, fit)
    else:
        seconds = [row.seconds for row in training.fit(design, None, train, val, fit, settings.seed)[1]]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"frames": train.frames, "seconds": min(seconds), "peak": peak}


def arrays(design: network.Architecture, train: Selection, val: Selection, settings: params.Train) -> list[float]:
    """The seconds of each epoch of model.fit on arrays."""
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    ((x, y, weights),) = feed.batches(train, len(train), int(train.items["frames"].max()))
    (validation,) = feed.batches(val, len(val), int(val.items["frames"].max()))
    model = network.member(design, 0)
    training.prepare(model, training.accepted(design.members[0], design.classes), settings.learning_rate)
    ends = [time.monotonic()]
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.monotonic()))
    model.fit(
        x,
        y,
        sample_weight=weights,
        validation_data=tuple(validation),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[told],
    )
    return np.diff(ends).tolist()


if __name__ == "__main__":
    main()
