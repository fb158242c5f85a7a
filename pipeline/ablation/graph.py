"""The stages of dvc.yaml that a score depends on: which of them a parameter affects, and the code that they use."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.params import plain_yaml

TARGET = "summary"  # stage that a trial runs: its scores; the report of a trial is not needed

Stages = Mapping[str, Any]  # by name, as in dvc.yaml


def read(path: Path) -> Stages:
    """Read the target and all stages that it depends on, in the order of dvc.yaml."""
    tree: Any = plain_yaml.read(path)
    stages, found = tree["stages"], {TARGET}
    while more := {before for name in found for before in _before(stages, name)} - found:
        found |= more
    return {name: stage for name, stage in stages.items() if name in found}


def unaffected(stages: Stages, leaves: Collection[str]) -> list[str]:
    """Return the stages that neither read one of these parameters nor depend on a stage that does.

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
    changed = {*leaves, *(leaf.partition(".")[0] for leaf in leaves)}
    affected = {name for name, stage in stages.items() if changed & set(_names(stage.get("params", [])))}
    while more := {name for name in stages if _before(stages, name) & affected} - affected:
        affected |= more
    return [name for name in stages if name not in affected]


def sources(stages: Stages) -> list[str]:
    """Return the files and folders that stages depend on and no stage writes.

    >>> sources({"a": {"deps": ["code.py"], "outs": ["x"]}, "b": {"deps": ["x/y.csv", "more"], "outs": ["z"]}})
    ['code.py', 'more']
    """
    written = [path for stage in stages.values() for path in _outs(stage)]
    needed = {path for stage in stages.values() for path in _deps(stage)}
    return sorted(path for path in needed if not _inside(path, written))


def _before(stages: Stages, name: str) -> set[str]:
    """Return the stages whose outputs a stage reads."""
    needed = _deps(stages[name])
    return {other for other, stage in stages.items() if any(_inside(path, _outs(stage)) for path in needed)} - {name}


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _deps(stage: Any) -> list[str]:
    """Return the dependencies of a stage; other files with parameters, such as versions.json, are some too."""
    entries = stage.get("params", [])
    return [*stage.get("deps", []), *(path for entry in entries if isinstance(entry, dict) for path in entry)]


def _outs(stage: Any) -> list[str]:
    return _names([*stage.get("outs", []), *stage.get("metrics", [])])


def _names(entries: Iterable[Any]) -> list[str]:
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]
