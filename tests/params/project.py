"""The project's params.yaml with changes, and the outcome of loading it."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import parse_yaml
from hypothesis import HealthCheck, settings

from pipeline import params
from pipeline.ablation import grid
from pipeline.errors import ParameterError

PROJECT = Path(__file__).parents[2] / "params.yaml"
TEXT = PROJECT.read_text(encoding="utf-8")
TREE: dict[str, Any] = parse_yaml(TEXT, PROJECT)
LEAVES = ["seed", *(f"{name}.{key}" for name, keys in TREE.items() if name != "seed" for key in keys)]
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def changed(key: str, value: object) -> dict[str, Any]:
    """The project's parameters with one value replaced or added."""
    tree = copy.deepcopy(TREE)
    grid.put(tree, {key: value})
    return tree


def written(key: str, value: str) -> str:
    """The project's params.yaml with the text of one value replaced."""
    section, _, leaf = key.rpartition(".")
    text, replaced = re.subn(
        rf"(?ms)(^{section}:.*?^  |^){leaf or key}: [^\n]*",
        lambda found: f"{found[1]}{leaf or key}: {value}",
        TEXT,
        count=1,
    )
    assert replaced
    return text


def complaint(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        params.load(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def outcome(path: Path, text: str) -> params.Params | str:
    """Load a file: values equal to those that DVC reads, or one line that names the file."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        loaded = params.load(path)
    except ParameterError as error:
        message = str(error).replace(str(path), "params.yaml")
        assert message.startswith("params.yaml")
        assert message.isprintable()
        assert len(message) < 400
        return message
    read = parse_yaml(text, path)
    assert json.loads(loaded.model_dump_json(exclude_unset=True)) == json.loads(json.dumps(read))
    assert types(json.loads(json.dumps(read))) == types(read)
    return loaded


def types(tree: Any) -> Any:
    """The tree with every value replaced by its type."""
    if isinstance(tree, dict):
        return {str(key): types(value) for key, value in tree.items()}  # JSON knows only text
    return [types(value) for value in tree] if isinstance(tree, list) else type(tree)
