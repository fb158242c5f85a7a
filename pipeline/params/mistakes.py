"""Mistakes in values, each described in one sentence with the allowed values."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from pipeline.console.text import brief
from pipeline.errors import ArgumentError

KEYS = {  # mistakes in a key, by pydantic's type
    "missing": "is missing; add it; docs/parameters.md explains it",
    "extra_forbidden": "is not a parameter; remove it or correct its spelling",
    "invalid_key": "is not a parameter; remove it or correct its spelling",
}


def first_mistake(error: ValidationError) -> str:
    """Describe the first mistake on one line: key, value and allowed values."""
    first: Any = error.errors(include_url=False)[0]
    named = [
        part for part in map(str, first["loc"]) if not re.match(r"(chain|tuple|function-\w+)\[|constrained-", part)
    ]
    key = ".".join(part if re.fullmatch(r"\w{1,40}", part) else brief(part) for part in named)
    message = re.sub("^(Value error, |Input |String |Tuple )", "", first["msg"]).replace("a valid tuple", "a list")
    if first["type"] in KEYS:
        return f"{key} {KEYS[first['type']]}"
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key or 'the whole'} is {brief(first['input'])} but {message}"


def choose(what: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse an argument that is not one of the allowed names.

    Raises
    ------
    ArgumentError
        Naming the argument, its value and the allowed names.

    Examples
    --------
    >>> choose("cell", "rnn", ["gru", "lstm"])
    Traceback (most recent call last):
    pipeline.errors.ArgumentError: cell 'rnn' is unknown; take one of gru, lstm
    """
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise ArgumentError(f"{what} {brief(value)} is unknown; take one of {', '.join(names)}")
