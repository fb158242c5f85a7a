"""Fitting the network to the training manifest, the best epoch kept by its loss on the validation manifest."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, network, params, sequences
from pipeline.balance import Ensemble
from pipeline.errors import TrainingError
from pipeline.mfcc import Features
from pipeline.network import Architecture
from pipeline.store import FeatureStore
from pipeline.tables import Epoch
from pipeline.tables import Sequence as Row
from pipeline.terminal import Progress

if TYPE_CHECKING:
    from keras import Model


@dataclass(frozen=True)
class Batches:
    """Sequences of one length, short ones filled up behind with frames that weigh nothing.

    Attributes
    ----------
    features
        float32, shape (sequences, frames, n_mfcc).
    targets
        Class of each frame, shape (sequences, frames).
    weights
        Of each frame in the loss, shape (sequences, frames).
    """

    features: Features
    targets: NDArray[np.int64]
    weights: Features

    def only(self, chosen: NDArray[np.bool_]) -> "Batches":
        """The chosen sequences."""
        return Batches(self.features[chosen], self.targets[chosen], self.weights[chosen])


def load(rows: Sequence[Row], store: FeatureStore, strategy: params.Strategy, languages: tuple[str, ...]) -> Batches:
    """Read the sequences of a manifest into memory, as the silence strategy shows them.

    The weight of a frame is its weight in the view times the sequence's; frames of the class `silence`, which no
    balancing of languages is about, keep their own.
    """
    frames = max(row.frames for row in rows)
    features = np.zeros((len(rows), frames, store.mfcc.shape[1]), np.float32)
    targets = np.zeros((len(rows), frames), np.int64)
    weights = np.zeros((len(rows), frames), np.float32)
    opened: dict[str, tuple[Features, sequences.View]] = {}
    for number, row in enumerate(rows):
        if row.recording not in opened:
            flags = store.flags(row.recording)
            seen = sequences.view(strategy, flags, languages.index(row.language), len(languages))
            opened = {
                row.recording: (store.features(row.recording)[seen.rows], seen)
            }  # manifests keep a recording together
        mfcc, seen = opened[row.recording]
        part, into = slice(row.start, row.start + row.frames), (number, slice(row.frames))
        features[into] = mfcc[part]
        targets[into] = seen.targets[part]
        weights[into] = np.where(seen.targets[part] < len(languages), row.weight, 1) * seen.weights[part]
    return Batches(features, targets, weights)


def moments(batches: Batches) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each coefficient over the frames that weigh anything, each (n_mfcc,)."""
    frames = batches.features[batches.weights > 0].astype(np.float64)
    return frames.mean(axis=0), frames.var(axis=0)


def fit(
    architecture: Architecture,
    division: Ensemble | None,
    train: Batches,
    rows: Sequence[Row],
    val: Batches,
    settings: params.Train,
    seed: int,
) -> tuple["Model", list[Epoch]]:
    """Train the network, or both of an ensemble one after the other.

    Parameters
    ----------
    rows
        Of the training manifest, as in `train`.

    Returns
    -------
    The sequence form over all classes, and a row for every epoch.
    """
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    whole, history = network.sequence(architecture), list[Epoch]()
    if division is not None:
        train = in_parts(train, rows, division, architecture.classes)
    for number, outputs in enumerate(architecture.members):
        if len(outputs) == 1:
            continue  # nothing to tell apart: its answer is always 1
        keras.utils.set_random_seed((seed + number) % 2**32)
        right = accepted(outputs, architecture.classes)
        mine = np.array([row.member == number for row in rows])
        model = network.member(architecture, number)
        history += _fit(model, number, right, train.only(mine), val, settings, len(history))
        network.transfer(model, whole)
    return whole, history


def accepted(outputs: tuple[network.Output, ...], classes: tuple[str, ...]) -> Features:
    """Which outputs are right for a target: 1 or 0, shape (targets, outputs).

    Targets are the classes (right: every output that stands for it), then the outputs one by one.
    """
    return np.concatenate([network.membership(outputs, classes).T, np.eye(len(outputs))]).astype(np.float32)


def in_parts(train: Batches, rows: Sequence[Row], division: Ensemble, classes: tuple[str, ...]) -> Batches:
    """The same sequences, those of the large class with the output of their speaker's part as target.

    Only training speakers are in a part; a validation frame of the large class is right with any of them.
    """
    part_of = {speaker: number for number, part in enumerate(division.parts) for speaker in part}
    parts = np.array([part_of.get(row.speaker, 0) for row in rows])[:, None]
    targets = np.where(train.targets == classes.index(division.large), len(classes) + parts, train.targets)
    return Batches(train.features, targets, train.weights)


def _fit(
    model: "Model", member: int, right: Features, train: Batches, val: Batches, settings: params.Train, before: int
) -> list[Epoch]:
    keras = backend.keras()
    ops = keras.ops

    def cross_entropy(target: Any, posterior: Any) -> Any:
        share = ops.sum(ops.take(right, ops.cast(target, "int32"), axis=0) * posterior, axis=-1)
        return -ops.log(ops.maximum(share, keras.config.epsilon()))

    def accuracy(target: Any, posterior: Any) -> Any:
        chosen = ops.one_hot(ops.argmax(posterior, axis=-1), right.shape[1])
        return ops.sum(ops.take(right, ops.cast(target, "int32"), axis=0) * chosen, axis=-1)

    history: list[Epoch] = []
    progress = Progress("train", settings.epochs, "epochs")
    began = time.monotonic()

    def tell(epoch: int, logs: dict[str, float]) -> None:
        seconds = time.monotonic() - began - sum(row.seconds for row in history)
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"the loss is {logs['loss']} in epoch {epoch + 1}; lower train.learning_rate {settings.learning_rate:g}"
            )
        scores = {name: round(float(logs[name]), 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        history.append(Epoch(before + epoch + 1, member, **scores, seconds=round(seconds, 3)))
        progress.update(1, f"validation loss {scores['val_loss']:.3f}, accuracy {scores['val_accuracy']:.1%}")

    model.compile(
        keras.optimizers.Adam(settings.learning_rate, clipnorm=1.0),
        loss=cross_entropy,
        weighted_metrics=[accuracy],
        jit_compile=False,
    )
    model.fit(
        train.features,
        train.targets,
        sample_weight=train.weights * right.max(axis=1)[train.targets],  # no weight where no output is right
        validation_data=(val.features, val.targets, val.weights * right.max(axis=1)[val.targets]),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=tell),
            keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True),
        ],
    )
    return history
