"""The state of a training between two epochs, kept in the cache: a run that is killed continues with its last epoch."""

import dataclasses
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, tables
from pipeline.backend import Model
from pipeline.cache import Cache, key
from pipeline.rows import EpochRow

CODE = ("augment.py", "dataset", "mfcc", "network", "shards", "store", "training")
PACKAGES = ("keras", "numpy", "tensorflow")


class State(NamedTuple):
    """Everything that the next epoch depends on.

    Attributes
    ----------
    rows
        Of the epochs that are done.
    variables
        Of the network and its optimizer: weights, their averages, moments, and the states of random generators.
    best, best_epoch, best_weights
        The lowest validation loss, its epoch from 0, and the weights.
    """

    rows: list[EpochRow]
    variables: list[NDArray[Any]]
    best: float
    best_epoch: int
    best_weights: list[NDArray[Any]]


class Checkpoints:
    """The last state of each network of one training.

    Parameters
    ----------
    content
        Plain JSON values that decide the weights: digests of the sequences, and parameters.
    table
        CSV of the epochs so far, for those who watch.
    """

    def __init__(self, cache: Cache, content: Any, table: Path) -> None:
        self._cache, self._content, self._table = cache, content, table

    def read(self, network: int) -> State | None:
        """Return the state of a network, None if there is none."""
        if (content := self._cache.read(self._key(network))) is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            variables, weights = (
                [arrays[name] for name in arrays.files if name.startswith(kind)] for kind in ("variable", "weight")
            )
        rows = [EpochRow(**row) for row in facts["rows"]]
        return State(rows, variables, facts["best"], facts["best_epoch"], weights)

    def write(self, network: int, state: State) -> None:
        """Keep a state in place of the one before."""
        lists = {"variable": state.variables, "weight": state.best_weights}
        arrays = {f"{kind}{n}": array for kind, every in lists.items() for n, array in enumerate(every)}
        rows = [dataclasses.asdict(row) for row in state.rows]
        facts = {"rows": rows, "best": state.best, "best_epoch": state.best_epoch}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
        self._cache.put(self._key(network), file.getvalue())

    def remove(self, networks: Iterable[int]) -> None:
        """Remove the states of networks: the training has ended."""
        for network in networks:
            self._cache.remove(self._key(network))

    def callback(self, network: int, state: State | None, model: Model, best: Any, history: list[EpochRow]) -> Any:
        """Return a callback that sets a state, keeps that between any two epochs, and writes the history so far.

        Parameters
        ----------
        best
            The callback EarlyStopping, which knows the best epoch.
        history
            Rows of all networks, to which those of the state are added.
        """
        variables, before = [*model.variables, *model.optimizer.variables], len(history)

        def begin(_: object) -> None:
            if state:
                for variable, value in zip(variables, state.variables, strict=True):
                    variable.assign(value)
                history.extend(state.rows)
                best.best, best.best_epoch, best.best_weights = state.best, state.best_epoch, state.best_weights

        def keep(epoch: int, _: object) -> None:
            if best.best_weights:
                now = [np.asarray(variable) for variable in variables]
                self.write(network, State(history[before:], now, float(best.best), best.best_epoch, best.best_weights))

        def show(epoch: int, _: object) -> None:
            self._table.parent.mkdir(exist_ok=True)
            tables.write(self._table, EpochRow, history)

        kind = backend.keras().callbacks.LambdaCallback
        return kind(on_train_begin=begin, on_epoch_begin=keep, on_epoch_end=show)

    def _key(self, network: int) -> str:
        return key({"training": self._content, "network": network}, CODE, PACKAGES)
