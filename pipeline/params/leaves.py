"""Leaves of params.yaml by their full names, such as `mfcc.n_mfcc`: a stage reads those that dvc.yaml lists."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pipeline.params.sections import Section
from pipeline.params.whole import Params

AnySection = TypeVar("AnySection", bound=Section)


def all_leaves(settings: Params) -> tuple[str, ...]:
    """The full names of all parameters, in the order of the file."""
    names: list[str] = []
    for name, value in settings:
        names += [f"{name}.{key}" for key, _ in value] if isinstance(value, Section) else [name]
    return tuple(names)


def only(settings: Params, leaves: Iterable[str]) -> Params:
    """The given sections and leaves alone: reading any other parameter is an AttributeError, a defect."""
    sections: dict[str, Any] = {}
    for leaf in leaves:
        name, _, key = leaf.partition(".")
        value = getattr(settings, name)
        if key:
            sections.setdefault(name, {})[key] = getattr(value, key)
        else:
            sections[name] = value
    for name, value in sections.items():
        if isinstance(value, dict):
            sections[name] = _holding(type(getattr(settings, name)), value)
    return _holding(Params, sections)


def _holding(kind: type[AnySection], values: dict[str, Any]) -> AnySection:
    """A section that has these values alone: pydantic would add the defaults of the others."""
    made = kind.model_construct()
    vars(made).clear()
    vars(made).update(values)
    return made
