"""The stages of dvc.yaml that a score depends on: which of them a parameter affects, and the code that they use."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.params import plain_yaml

TARGET = "summary"  # what a trial runs: its scores; the report of a trial is not needed

Stages = Mapping[str, Any]  # by name, as in dvc.yaml, each after the stages that it depends on


def read(path: Path) -> Stages:
    """The target and all stages that it depends on."""
    tree: Any = plain_yaml.read(path)
    stages = tree["stages"]
    waiting, found = [TARGET], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _before(stages, name)
    ordered: dict[str, Any] = {}
    while len(ordered) < len(found):
        ready = [name for name in stages if name in found - set(ordered) and _before(stages, name) <= set(ordered)]
        ordered |= {name: stages[name] for name in ready}
    return ordered


def unaffected(stages: Stages, leaves: Collection[str]) -> list[str]:
    """Stages that neither read one of these parameters nor depend on a stage that does.

    >>> stages = {
    ...     "split": {"params": ["seed"], "deps": ["data"], "outs": ["splits"]},
    ...     "features": {"params": ["mfcc"], "deps": ["data"], "outs": ["features.zarr"]},
    ...     "train": {"deps": ["splits/train.csv", "features.zarr"], "outs": ["model"]},
    ... }
    >>> unaffected(stages, ["seed"])
    ['features']
    >>> unaffected(stages, ["mfcc.n_mfcc"])
    ['split']
    """
    affected, changed = set[str](), {*leaves, *(leaf.partition(".")[0] for leaf in leaves)}
    for name, stage in stages.items():
        if changed & set(_names(stage.get("params", []))) or _before(stages, name) & affected:
            affected.add(name)
    return [name for name in stages if name not in affected]


def sources(stages: Stages) -> list[str]:
    """Files and folders that stages depend on and no stage writes.

    >>> sources({"a": {"deps": ["code.py"], "outs": ["x"]}, "b": {"deps": ["x/y.csv", "more"], "outs": ["z"]}})
    ['code.py', 'more']
    """
    written = [path for stage in stages.values() for path in _outs(stage)]
    needed = {path for stage in stages.values() for path in _deps(stage)}
    return sorted(path for path in needed if not any(_inside(path, out) for out in written))


def _before(stages: Stages, name: str) -> set[str]:
    """The stages whose outputs a stage reads."""
    needed = _deps(stages[name])
    return {
        other
        for other, stage in stages.items()
        if other != name and any(_inside(path, out) for path in needed for out in _outs(stage))
    }


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _deps(stage: Any) -> list[str]:
    """Dependencies of a stage; other files with parameters, such as versions.json, are some too."""
    entries = stage.get("params", [])
    return [*stage.get("deps", []), *(path for entry in entries if isinstance(entry, dict) for path in entry)]


def _outs(stage: Any) -> list[str]:
    return _names([*stage.get("outs", []), *stage.get("metrics", [])])


def _names(entries: Iterable[Any]) -> list[str]:
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]
