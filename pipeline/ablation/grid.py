"""The grid of an ablation: lists of values, their combinations (cells), a trial per cell and seed."""

import copy
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline import params
from pipeline.console.text import brief, shorten
from pipeline.errors import ArgumentError, ParameterError
from pipeline.params import BALANCE_STRATEGIES, SILENCE_STRATEGIES, plain_yaml

DEFAULT: dict[str, tuple[Any, ...]] = {
    "silence.strategy": SILENCE_STRATEGIES,
    "balance.strategy": BALANCE_STRATEGIES,
}
DEFAULT_SEEDS = 3
FIXED = ("demo", "corpus")  # sections: cells on other recordings would not be comparable
SLUG_CHARACTERS = 60


@dataclass(frozen=True)
class Cell:
    """One combination of values, by the full names of the parameters."""

    values: dict[str, Any]

    @cached_property
    def texts(self) -> dict[str, str]:
        """The values as in params.yaml."""
        return {key: shown(value) for key, value in self.values.items()}

    @cached_property
    def label(self) -> str:
        """The values, for people.

        >>> Cell({"silence.strategy": "mask", "model.units": [64, 32]}).label
        'mask, [64, 32]'
        """
        return ", ".join(self.texts.values())


@dataclass(frozen=True)
class Trial:
    """One cell with one seed, and all of its parameters: an experiment."""

    cell: Cell
    seed: int
    settings: params.Params

    @property
    def label(self) -> str:
        """The cell and the seed, for people."""
        return f"{self.cell.label}, seed {self.seed}"

    @property
    def slug(self) -> str:
        """The same as the beginning of a name in git."""
        words = re.sub(r"[^A-Za-z0-9_]+", "-", self.cell.label)[:SLUG_CHARACTERS].strip("-")
        return f"{words or 'cell'}-seed{self.seed}"


def shown(value: Any) -> str:
    """A value as in params.yaml, on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def make(sweeps: Sequence[str], n_seeds: int | None, tree: Any, origin: str) -> list[Trial]:
    """All trials of a grid: the first seed of every cell, then the second, and so on.

    Parameters
    ----------
    sweeps
        Texts such as ``model.units=[64,32],[128]``; the default grid if they name no parameter but `seed`.
    n_seeds
        Seeds per cell, from `seed` in params.yaml upwards; None: 3, or those that `sweeps` lists.
    tree
        The content of params.yaml, which `origin` names in messages.

    Raises
    ------
    ArgumentError, ParameterError
        Naming the first mistake, before anything runs.
    """
    known = params.all_leaves(params.check(tree, origin))
    lists: dict[str, tuple[Any, ...]] = {}
    for text in sweeps:
        key, values = _parse(text, known)
        if key in lists:
            raise ArgumentError(f"-S {key} is given twice; list all of its values once, separated by commas")
        lists[key] = values
    if n_seeds is not None and "seed" in lists:
        raise ArgumentError("-S seed and --seeds exclude each other; give one of them")
    seeds = lists.pop("seed", None) or tuple(tree["seed"] + more for more in range(n_seeds or DEFAULT_SEEDS))
    chosen = lists or DEFAULT
    cells = [Cell(dict(zip(chosen, values, strict=True))) for values in itertools.product(*chosen.values())]
    return [_trial(cell, seed, tree) for seed in seeds for cell in cells]


def changed(tree: Any, values: dict[str, Any]) -> Any:
    """A copy of the content of params.yaml with other values.

    >>> changed({"seed": 42, "model": {"cell": "gru"}}, {"model.cell": "lstm"})
    {'seed': 42, 'model': {'cell': 'lstm'}}
    """
    tree = copy.deepcopy(tree)
    put(tree, values)
    return tree


def put(tree: Any, values: dict[str, Any]) -> None:
    """Change values in the content of params.yaml."""
    for key, value in values.items():
        section, _, leaf = key.partition(".")
        if leaf:
            tree[section][leaf] = value
        else:
            tree[section] = value


def _parse(text: str, known: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    """The key of `key=a,b,c` and its values, each read as YAML."""
    key, equals, listed = text.partition("=")
    if not equals:
        raise ArgumentError(f"-S {shorten(text)!r} has no '='; write -S key=a,b,c")
    if key not in known:
        raise ArgumentError(f"-S {shorten(key)!r} is not a parameter; docs/parameters.md lists them")
    if key.partition(".")[0] in FIXED:
        raise ArgumentError(f"-S {key} would compare results on different recordings; all cells need one corpus")
    try:
        values = plain_yaml.parse(f"[{listed}]", f"-S {key}")
    except ParameterError as error:
        raise ArgumentError(f"-S {shorten(text)!r} is not a list of values; write -S {key}=a,b,c") from error
    if not isinstance(values, list) or not values:
        raise ArgumentError(f"-S {shorten(text)!r} lists no value; write -S {key}=a,b,c")
    texts = [json.dumps(value, default=str) for value in values]
    if twice := [value for value, written in zip(values, texts, strict=True) if texts.count(written) > 1]:
        raise ArgumentError(f"-S {key} lists {brief(twice[0])} twice; list every value once")
    return key, tuple(values)


def _trial(cell: Cell, seed: Any, tree: Any) -> Trial:
    """Check the parameters of a cell; ParameterError names the cell."""
    settings = params.check(changed(tree, cell.values | {"seed": seed}), f"cell {shorten(cell.label)}, seed {seed}")
    return Trial(cell, seed, settings)
