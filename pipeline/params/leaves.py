"""Leaves of params.yaml by their full names, such as `mfcc.n_mfcc`: a stage declares those that it reads."""

from collections.abc import Iterable
from typing import Any

from pipeline.params.sections import Section
from pipeline.params.whole import Params


def all_leaves(settings: Params) -> tuple[str, ...]:
    """The full names of all parameters, in the order of the file."""
    names: list[str] = []
    for name, value in settings:
        names += [f"{name}.{key}" for key, _ in value] if isinstance(value, Section) else [name]
    return tuple(names)


def only(settings: Params, leaves: Iterable[str]) -> Params:
    """The declared parameters alone: reading any other is an AttributeError, a defect.

    DVC re-runs a stage if a declared parameter changes. A stage that read another would give stale results.
    """
    sections: dict[str, Any] = {}
    for leaf in leaves:
        name, _, key = leaf.partition(".")
        value = getattr(settings, name)
        if key:
            sections.setdefault(name, {})[key] = getattr(value, key)
        else:
            sections[name] = value
    return Params.model_construct(
        **{
            name: type(getattr(settings, name)).model_construct(**value) if isinstance(value, dict) else value
            for name, value in sections.items()
        }
    )
