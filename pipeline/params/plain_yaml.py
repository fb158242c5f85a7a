"""YAML of plain values: no anchors, aliases, tags or duplicate keys, nothing that takes long or much memory to read."""

from pathlib import Path
from typing import Any

from pipeline.console.text import SHOWN, brief, shorten
from pipeline.errors import ParameterError

LONGEST = 50_000  # characters of params.yaml: twenty times the project's own, read in half a second at worst
DEEPEST = 10  # levels of nesting that are read, so that even a misplaced structure is reported by its key


def read(path: Path) -> object:
    """The values in a file, read as DVC reads them.

    Raises
    ------
    ParameterError
        If it can't be read, or holds anything but plain values.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except OSError as error:
        raise ParameterError(
            f"{path} can't be read ({error.strerror}); run this from the folder that holds it"
        ) from None
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not text in UTF-8 ({error.reason}); save it as UTF-8") from None
    if len(text) > LONGEST:
        raise ParameterError(f"{path} is longer than {LONGEST} characters; remove everything but the parameters")
    parser = _parser()
    try:
        return parser.load(text)
    except Exception as error:  # of text that it can't read, the parser raises AssertionError and others too
        raise ParameterError(f"{path} is not plain YAML: {_trouble(error, text)}") from None


def _parser() -> Any:
    """The parser that DVC reads params.yaml with, reduced to plain values.

    Its import is local: streaming inference uses this module too, in environments without a YAML parser.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer, ComposerError
    from ruamel.yaml.constructor import ConstructorError, SafeConstructor

    class Plain(Composer):
        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.parser.peek_event()
            if event.anchor or getattr(event, "ctag", None) or getattr(event, "value", None) == "<<":
                what = "anchors, aliases, tags and << are not allowed; write the value itself"
                raise ComposerError(None, None, what, event.start_mark)
            if self.depth >= DEEPEST:
                raise ComposerError(None, None, f"nested over {DEEPEST} levels deep", event.start_mark)
            return super().compose_node(parent, index)

    class Values(SafeConstructor):
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except ValueError as error:  # a date such as 2020-13-45, or an integer of 5,000 digits
                raise ConstructorError(None, None, str(error), node.start_mark) from None

        def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
            if key in mapping:
                what = f"the key {brief(key)} is given twice; remove one"
                raise ConstructorError(None, None, what, key_node.start_mark)
            return True

    yaml = YAML(typ="safe", pure=True)  # the variant in C reads the same values, but composes them itself
    yaml.Composer, yaml.Constructor = Plain, Values
    return yaml


def _trouble(error: Exception, text: str) -> str:
    """One line about an error of the YAML parser, with the line of the file if the parser says which."""
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    trouble = shorten(", ".join(filter(None, parts)) or str(error).partition("\n")[0], 2 * SHOWN)
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    if mark is None and position is None:
        return trouble
    number = text.count("\n", 0, position) if mark is None else mark.line
    line = " ".join(text.split("\n")[number : number + 1])
    return f"line {number + 1}, {brief(line)}: {trouble}"
