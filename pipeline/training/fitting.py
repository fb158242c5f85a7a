"""Fitting the network to the training manifest, the best epoch kept by its loss on the validation manifest."""

import dataclasses
import gc
import itertools
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, params
from pipeline.console.terminal import Progress
from pipeline.errors import TrainingError
from pipeline.mfcc import Features
from pipeline.network import forms
from pipeline.network.definition import Architecture, Output, membership
from pipeline.network.ensemble import Ensemble
from pipeline.store.selection import Example, Selection
from pipeline.tables import EpochRow
from pipeline.training.feed import Feed, Pool

if TYPE_CHECKING:
    from keras import Model


def moments(sequences: Selection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each coefficient over the frames that weigh anything, each (n_mfcc,), in one pass."""
    n_mfcc = sequences.store.mfcc.shape[1]
    count, mean, squares = 0, np.zeros(n_mfcc), np.zeros(n_mfcc)
    for example in sequences.in_store_order():
        frames = example.features[example.weights > 0].astype(np.float64)
        if not len(frames):
            continue
        # Chan, Golub and LeVeque (1983): what is known of the frames before and of these gives that of both.
        off, before, count = frames.mean(axis=0) - mean, count, count + len(frames)
        mean += off * len(frames) / count
        squares += frames.var(axis=0) * len(frames) + off**2 * before * len(frames) / count
    return mean, squares / max(count, 1)


def fit(
    architecture: Architecture,
    division: Ensemble | None,
    train: Selection,
    val: Selection,
    settings: params.Train,
    seed: int,
) -> tuple["Model", list[EpochRow]]:
    """Train the network, or both of an ensemble one after the other.

    Parameters
    ----------
    train, val
        Sequences as the silence strategy shows them.

    Returns
    -------
    The sequence form over all classes, and a row for every epoch.
    """
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    whole, history = forms.sequence(architecture), list[EpochRow]()
    if division is not None:
        train = in_parts(train, division, architecture.classes)
    for number, outputs in enumerate(architecture.members):
        if len(outputs) == 1:
            continue  # nothing to tell apart: its answer is always 1
        keras.utils.set_random_seed((seed + number) % 2**32)
        right = accepted(outputs, architecture.classes)
        mine = train[train.items["member"] == number]
        model = forms.member(architecture, number)
        history += _fit(model, number, right, mine, val, settings, seed, len(history))
        forms.transfer(model, whole)
        gc.collect()  # Keras leaves its reading, and so the pool, in a reference cycle, and the next needs the room
    return whole, history


def accepted(outputs: tuple[Output, ...], classes: tuple[str, ...]) -> Features:
    """Which outputs are right for a target: 1 or 0, shape (targets, outputs).

    Targets are the classes (right: every output that stands for it), then the outputs one by one.
    """
    return np.concatenate([membership(outputs, classes).T, np.eye(len(outputs))]).astype(np.float32)


def in_parts(train: Selection, division: Ensemble, classes: tuple[str, ...]) -> Selection:
    """The same sequences, those of the large class with the output of their speaker's part as target.

    Only training speakers are in a part; a validation frame of the large class is right with any of them.
    """
    part_of = {speaker: number for number, part in enumerate(division.parts) for speaker in part}
    speakers = [train.store.speakers[number] for number in train.items["recording"]]
    parts = np.array([part_of.get(speaker, 0) for speaker in speakers])
    items = train.items.copy()
    large = items["target"] == classes.index(division.large)
    items["target"] = np.where(large, len(classes) + parts, items["target"])
    return dataclasses.replace(train, items=items)


def prepare(model: "Model", right: Features, learning_rate: float) -> None:
    """Compile a network that learns which of its outputs are right for a target, by `accepted`."""
    keras = backend.keras()
    ops = keras.ops

    def cross_entropy(target: Any, posterior: Any) -> Any:
        share = ops.sum(ops.take(right, ops.cast(target, "int32"), axis=0) * posterior, axis=-1)
        return -ops.log(ops.maximum(share, keras.config.epsilon()))

    def accuracy(target: Any, posterior: Any) -> Any:
        chosen = ops.one_hot(ops.argmax(posterior, axis=-1), right.shape[1])
        return ops.sum(ops.take(right, ops.cast(target, "int32"), axis=0) * chosen, axis=-1)

    model.compile(
        keras.optimizers.Adam(learning_rate, clipnorm=1.0),
        loss=cross_entropy,
        weighted_metrics=[accuracy],
        jit_compile=False,
    )


def _fit(
    model: "Model",
    member: int,
    right: Features,
    train: Selection,
    val: Selection,
    settings: params.Train,
    seed: int,
    before: int,
) -> list[EpochRow]:
    keras = backend.keras()
    import tensorflow

    pool = Pool(train, settings.memory)

    def epochs() -> Iterator[Iterator[Example]]:
        # One stream: while the validation of one runs, the next is read.
        return (pool.epoch(np.random.default_rng([seed, member, epoch])) for epoch in range(settings.epochs))

    feeds = {
        "train": Feed(epochs, train, settings.batch_size, right),
        "val": Feed(lambda: itertools.repeat(val.in_store_order()), val, settings.batch_size, right),
    }

    prepare(model, right, settings.learning_rate)
    history: list[EpochRow] = []
    progress = Progress("train", settings.epochs, "epochs")
    began = time.monotonic()

    def tell(epoch: int, logs: dict[str, float]) -> None:
        seconds = time.monotonic() - began - sum(row.seconds for row in history)
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"the loss is {logs['loss']} in epoch {epoch + 1}; lower train.learning_rate {settings.learning_rate:g}"
            )
        scores = {name: round(float(logs[name]), 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        history.append(EpochRow(before + epoch + 1, member, **scores, seconds=round(seconds, 3)))
        progress.update(1, f"validation loss {scores['val_loss']:.3f}, accuracy {scores['val_accuracy']:.1%}")

    try:
        model.fit(
            feeds["train"].dataset(),
            steps_per_epoch=feeds["train"].steps,
            validation_data=feeds["val"].dataset(),
            validation_steps=feeds["val"].steps,
            epochs=settings.epochs,
            verbose=0,
            shuffle=False,  # the pool has done it
            callbacks=[
                keras.callbacks.LambdaCallback(on_epoch_end=tell),
                keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True),
            ],
        )
    except tensorflow.errors.OpError:
        for failed in (of_one.failed for of_one in feeds.values()):
            if failed is not None:
                raise failed from None
        raise
    finally:
        for of_one in feeds.values():
            of_one.close()
    return history
