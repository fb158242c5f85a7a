"""The grid of an ablation: lists of values, their combinations (cells), a trial per cell and seed."""

import copy
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pipeline import params
from pipeline.console.text import shorten
from pipeline.errors import ArgumentError, ParameterError
from pipeline.params import plain_yaml

DEFAULT: dict[str, Sequence[Any]] = {
    "silence.strategy": get_args(params.SilenceStrategy),
    "balance.strategy": get_args(params.BalanceStrategy),
}
DEFAULT_SEEDS = 3
FIXED = ("demo", "corpus")  # sections: cells on other recordings would not be comparable
SLUG_CHARACTERS = 60


@dataclass(frozen=True)
class Trial:
    """One cell of the grid with one seed: an experiment."""

    values: dict[str, Any]  # of the cell, by the full names of the parameters
    changes: dict[str, Any]  # of all parameters that the trial changes: with its seed, and the fold that it leaves out
    settings: params.Params
    fold: int | None = None  # of the sources, which is left out; None: `split.method` is that of the parameters

    @property
    def seed(self) -> int:
        """Seed of the trial."""
        return self.settings.seed

    @property
    def texts(self) -> dict[str, str]:
        """Values of the cell as in params.yaml."""
        return {key: _text(value) for key, value in self.values.items()}

    @property
    def cell(self) -> str:
        """The values of its parameters, for people."""
        return ", ".join(self.texts.values())

    @property
    def label(self) -> str:
        """Cell and seed, for people."""
        return ", ".join([*self.texts.values(), *self._numbers])

    @property
    def slug(self) -> str:
        """The label as the beginning of a name in git."""
        words = re.sub(r"[^A-Za-z0-9_]+", "-", self.cell)[:SLUG_CHARACTERS].strip("-")
        return "-".join([words or "cell", *(number.replace(" ", "") for number in self._numbers)])

    @property
    def _numbers(self) -> list[str]:
        return [f"seed {self.seed}"] + ([] if self.fold is None else [f"fold {self.fold}"])


def make(sweeps: Sequence[str], n_seeds: int | None, tree: Any, origin: str, over_sources: bool = False) -> list[Trial]:
    """Return all trials of a grid: the first seed of every cell, then the second, and so on.

    Parameters
    ----------
    sweeps
        Texts such as ``model.units=[64,32],[128]``; the default grid if they name no parameter but `seed`.
    n_seeds
        Seeds per cell, from `seed` in params.yaml upwards; None: 3, or those that `sweeps` lists.
    tree
        Content of params.yaml, which `origin` names in messages.
    over_sources
        Make a trial for each of `split.folds` folds of the sources.

    Raises
    ------
    ArgumentError, ParameterError
        Naming the first mistake, before anything runs.
    """
    base = params.check(tree, origin)
    known, lists = params.all_leaves(base), dict[str, list[Any]]()
    for text in sweeps:
        key, values = _parse(text, known)
        lists[key] = lists.get(key, []) + values
    if n_seeds is not None and "seed" in lists:
        raise ArgumentError("-S seed and --seeds exclude each other; give one of them")
    seeds = lists.pop("seed", None) or [base.seed + more for more in range(n_seeds or DEFAULT_SEEDS)]
    if over_sources and (given := [key for key in lists if key.startswith("split.")]):
        raise ArgumentError(f"-S {given[0]} and --over sources, which chooses the split, exclude each other")
    chosen = lists or ({} if over_sources else DEFAULT)
    cells = [dict(zip(chosen, values, strict=True)) for values in itertools.product(*chosen.values())]
    folds = range(base.split.folds) if over_sources else [None]
    return [_trial(cell, seed, fold, tree) for seed in seeds for cell in cells for fold in folds]


def put(tree: Any, values: dict[str, Any]) -> None:
    """Change values in the content of params.yaml.

    >>> tree = {"seed": 42, "model": {"cell": "gru"}}
    >>> put(tree, {"model.cell": "lstm", "seed": 43, "mfcc.n_mfcc": 20})
    >>> tree
    {'seed': 43, 'model': {'cell': 'lstm'}, 'mfcc': {'n_mfcc': 20}}
    """
    for key, value in values.items():
        section, _, leaf = key.partition(".")
        if leaf:
            tree.setdefault(section, {})[leaf] = value
        else:
            tree[section] = value


def _parse(text: str, known: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the key of `key=a,b,c` and its values, each read as YAML."""
    key, _, listed = text.partition("=")
    if key not in known:
        raise ArgumentError(f"-S {shorten(key)!r} is not a parameter; docs/parameters.md lists them")
    if key.partition(".")[0] in FIXED:
        raise ArgumentError(f"-S {key} would compare results on different recordings; all cells need one corpus")
    try:
        values = plain_yaml.parse(f"[{listed}]", f"-S {key}")
    except ParameterError:
        values = None
    if not isinstance(values, list) or not values:
        raise ArgumentError(f"-S {shorten(text)!r} lists no values; write -S {key}=a,b,c")
    return key, values


def _trial(values: dict[str, Any], seed: Any, fold: int | None, tree: Any) -> Trial:
    """Check the parameters of a trial; ParameterError names it."""
    changes, changed = values | {"seed": seed}, copy.deepcopy(tree)
    if fold is not None:
        changes |= {"split.method": "sources", "split.fold": fold}
    put(changed, changes)
    label = shorten(", ".join(map(_text, values.values())))
    return Trial(values, changes, params.check(changed, f"cell {label}, seed {seed}"), fold)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
