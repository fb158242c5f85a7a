"""Fit the network to the training manifest; its final weights are those of the epoch with the best validation loss."""

import dataclasses
import gc
import itertools
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, params
from pipeline.backend import Model, Tensor
from pipeline.console.terminal import Progress
from pipeline.errors import TrainingError
from pipeline.network import forms
from pipeline.network.definition import Architecture, Division, Output, membership
from pipeline.rows import EpochRow
from pipeline.store.items import Example
from pipeline.store.selection import Selection
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.feed import Change, Feed, Pool
from pipeline.training.schedule import Schedule, schedule

VALIDATED = 8000  # sequences
MEASURED = 40_000  # sequences, for the moments of the features

Score = Callable[[Tensor, Tensor], Tensor]  # of targets (sequences, frames), posteriors (sequences, frames, outputs)


def moments(sequences: Selection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of each coefficient over the frames of non-zero weight, each of shape (n_mfcc,).

    They are computed from at most `MEASURED` sequences.
    """
    n_mfcc = sequences.store.mfcc.shape[1]
    n_frames, mean, squares = 0, np.zeros(n_mfcc), np.zeros(n_mfcc)
    for example in spread(sequences, MEASURED):
        frames = example.features[example.weights > 0].astype(np.float64)
        if not len(frames):
            continue
        # Chan, Golub and LeVeque (1983): merge the moments of these frames with those of the frames before.
        difference, n_before, n_frames = frames.mean(axis=0) - mean, n_frames, n_frames + len(frames)
        mean += difference * len(frames) / n_frames
        squares += frames.var(axis=0) * len(frames) + difference**2 * n_before * len(frames) / n_frames
    return mean, squares / max(n_frames, 1)


def fit(
    architecture: Architecture,
    division: Division | None,
    train: Selection,
    val: Selection,
    settings: params.Train,
    seed: int,
    change: Change | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Model, list[EpochRow]]:
    """Train the network, or the two of an ensemble one after the other.

    Parameters
    ----------
    train, val
        Sequences, viewed through the silence strategy.
    change
        Augmentation of the training sequences.
    checkpoints
        Keeps the state between epochs until the training has ended; one that was killed continues with it, and ends
        with the same weights.

    Returns
    -------
    The sequence form over all classes, and one row per epoch.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    """
    keras = backend.keras()
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    whole, history = forms.sequence(architecture), list[EpochRow]()
    if division is not None:
        train = in_parts(train, division, architecture.classes)
    for number, outputs in enumerate(architecture.members):
        if len(outputs) == 1:
            continue  # nothing to learn: the posterior of a single output is always 1
        keras.utils.set_random_seed((seed + number) % 2**32)
        model = forms.network(architecture, number)
        correct = correct_outputs(outputs, architecture.classes)
        mine = train[train.items["member"] == number]
        _train(model, correct, mine, val, settings, architecture.stride, (seed, number), change, history, checkpoints)
        forms.transfer(model, whole, architecture.stride)
        gc.collect()  # Keras leaves its reader, and so the pool, in a reference cycle; the next one needs the memory
    if checkpoints:
        checkpoints.remove(range(len(architecture.members)))
    return whole, history


def correct_outputs(outputs: tuple[Output, ...], classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Return 1 if an output is correct for a target, otherwise 0, shape (targets, outputs).

    The first targets are the classes, for which every output that stands for the class is correct. The outputs
    themselves follow as further targets.

    Examples
    --------
    >>> correct_outputs((("english",), ("hindi", "mandarin")), ("english", "hindi", "mandarin")).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    return np.concatenate([membership(outputs, classes).T, np.eye(len(outputs))]).astype(np.float32)


def in_parts(train: Selection, division: Division, classes: tuple[str, ...]) -> Selection:
    """Return the same sequences; those of the large class have the output of their speaker's part as target.

    Only training speakers are in a part. For a validation frame of the large class, any of its outputs is correct.
    """
    parts = np.array([division.part_of.get(train.store.speakers[index], 0) for index in train.items["index"]])
    items = train.items.copy()
    large = items["target"] == classes.index(division.large)
    items["target"] = np.where(large, len(classes) + parts, items["target"])
    return dataclasses.replace(train, items=items)


def spread(sequences: Selection, most: int) -> Selection:
    """Return at most so many sequences, evenly spread over the store."""
    ordered = sequences.in_store_order()
    return ordered[np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int)]


def prepare(
    model: Model, correct: NDArray[np.float32], settings: params.Train, steps: int, learning_rate: float
) -> None:
    """Compile a network for training.

    Parameters
    ----------
    correct
        Correct outputs of each target, as `correct_outputs` gives them. Their posteriors are summed.
    steps
        Batches of the whole training.
    """
    keras = backend.keras()
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    average = {} if settings.average is None else {"use_ema": True, "ema_momentum": settings.average}
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0, **average),
        loss=loss(correct, settings.smoothing, settings.utterance),
        weighted_metrics=[accuracy(correct)],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)  # TensorFlow traces a step that makes variables twice


def loss(correct: NDArray[np.float32], smoothing: float, utterance: float) -> Score:
    """Return the loss of every frame, shape (sequences, frames): its cross entropy plus that of its sequence.

    The posterior of a sequence is that of the decision: the mean log posterior of its frames of one target, as odds.

    Parameters
    ----------
    correct
        Correct outputs of each target, shape (targets, outputs). Their posteriors are summed.
    smoothing
        Share of the label that is spread over all outputs.
    utterance
        Weight of the second cross entropy.
    """
    ops, floor = backend.keras().ops, backend.keras().config.epsilon()

    def cross_entropy(labels: Tensor, posterior: Tensor) -> Tensor:
        right = -ops.log(ops.maximum(ops.sum(labels * posterior, axis=-1), floor))
        if not smoothing:
            return right
        return (1 - smoothing) * right - smoothing * ops.mean(ops.log(ops.maximum(posterior, floor)), axis=-1)

    def loss(target: Tensor, posterior: Tensor) -> Tensor:
        chosen = ops.one_hot(ops.cast(target, "int32"), len(correct))  # all 0 if the frame has no target
        frames = cross_entropy(ops.matmul(chosen, correct), posterior)
        if not utterance:
            return frames
        totals = ops.matmul(ops.transpose(chosen, (0, 2, 1)), ops.log(ops.maximum(posterior, floor)))
        counts = ops.sum(chosen, axis=1)[:, :, None]
        sequences = cross_entropy(correct, ops.softmax(totals / ops.maximum(counts, 1), axis=-1))
        return frames + utterance * ops.sum(chosen * sequences[:, None, :], axis=-1)

    return loss


def accuracy(correct: NDArray[np.float32]) -> Score:
    """Return 1 for every frame whose most likely output is correct, otherwise 0."""
    ops = backend.keras().ops

    def accuracy(target: Tensor, posterior: Tensor) -> Tensor:
        chosen = ops.one_hot(ops.argmax(posterior, axis=-1), correct.shape[1])
        return ops.sum(ops.take(correct, ops.maximum(ops.cast(target, "int32"), 0), axis=0) * chosen, axis=-1)

    return accuracy


def _train(
    model: Model,
    correct: NDArray[np.float32],
    train: Selection,
    val: Selection,
    settings: params.Train,
    stride: int,
    seed: tuple[int, int],
    change: Change | None,
    history: list[EpochRow],
    checkpoints: Checkpoints | None,
) -> None:
    """Train the network whose number is the second of the seed; add a row per epoch to the history."""
    callbacks, pool, val = backend.keras().callbacks, Pool(train, settings.memory), spread(val, VALIDATED)
    plan = schedule(settings, len(train), train.frames)
    import tensorflow
    from threadpoolctl import threadpool_limits

    def epochs() -> Iterator[Iterator[Example]]:
        # One stream for all epochs: the next one is read during the validation of this one.
        every = (pool.epoch(np.random.default_rng([*seed, epoch])) for epoch in range(done, plan.epochs))
        return (itertools.islice(epoch, plan.sequences) for epoch in every)

    state = checkpoints.read(seed[1]) if checkpoints else None
    done = len(state.rows) if state else 0
    feed = Feed(epochs, train, plan.sequences, plan.batch_size, stride, correct, change, seed, done)
    val_feed = Feed(lambda: itertools.repeat(val), val, len(val), plan.batch_size, stride, correct)
    prepare(model, correct, settings, plan.epochs * feed.steps, plan.learning_rate)
    # It never stops, as the rate falls to 0 in the last epoch, and restores the best epoch.
    best = callbacks.EarlyStopping("val_loss", patience=plan.epochs, restore_best_weights=True)
    try:
        # NumPy's idle threads spin: with more than one, augmentation would slow the network down by half.
        with threadpool_limits(1, "blas"):
            model.fit(
                feed.dataset(),
                steps_per_epoch=feed.steps,
                validation_data=val_feed.dataset(),
                validation_steps=val_feed.steps,
                initial_epoch=done,
                epochs=plan.epochs,
                verbose=0,
                shuffle=False,  # the pool has shuffled
                callbacks=[
                    callbacks.LambdaCallback(on_epoch_end=_recorder(history, seed[1], plan, done)),
                    *([] if settings.average is None else [callbacks.SwapEMAWeights(swap_on_epoch=True)]),
                    best,
                    *([checkpoints.callback(seed[1], state, model, best, history)] if checkpoints else []),
                ],
            )
    except tensorflow.errors.OpError as error:
        if cause := feed.error or val_feed.error:
            raise cause from error
        raise
    finally:
        feed.close()
        val_feed.close()


def _recorder(
    history: list[EpochRow], number: int, plan: Schedule, done: int
) -> Callable[[int, dict[str, float]], None]:
    """Return a callback, of an epoch from 0 and its scores, that adds a row for network `number` to the history."""
    progress = Progress("train", plan.epochs - done, "epochs")
    if done:
        print(f"train: continues after {done} of {plan.epochs} epochs", flush=True)
    end = time.monotonic()

    def record(epoch: int, logs: dict[str, float]) -> None:
        nonlocal end
        if not math.isfinite(logs["loss"]):
            where = f"epoch {epoch + 1}, with a rate of up to {plan.learning_rate:g}"
            raise TrainingError(f"the loss is {logs['loss']} in {where}; lower train.learning_rate")
        start, end = end, time.monotonic()
        scores = {name: round(float(logs[name]), 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        history.append(EpochRow(len(history) + 1, number, **scores, seconds=round(end - start, 3)))
        progress.update(1, f"validation loss {scores['val_loss']:.3f}, accuracy {scores['val_accuracy']:.1%}")

    return record
