"""The training objective: the classes of frames, and those of whole sequences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import backend

Score = Callable[[Any, Any], Any]  # of targets (sequences, frames) and posteriors (sequences, frames, outputs)


def make(correct: NDArray[np.float32], smoothing: float, utterance: float) -> Score:
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
    ops = backend.keras().ops
    floor = backend.keras().config.epsilon()

    def cross_entropy(labels: Any, posterior: Any) -> Any:
        right = -ops.log(ops.maximum(ops.sum(labels * posterior, axis=-1), floor))
        if not smoothing:
            return right
        return (1 - smoothing) * right - smoothing * ops.mean(ops.log(ops.maximum(posterior, floor)), axis=-1)

    def loss(target: Any, posterior: Any) -> Any:
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

    def accuracy(target: Any, posterior: Any) -> Any:
        chosen = ops.one_hot(ops.argmax(posterior, axis=-1), correct.shape[1])
        return ops.sum(ops.take(correct, ops.maximum(ops.cast(target, "int32"), 0), axis=0) * chosen, axis=-1)

    return accuracy
