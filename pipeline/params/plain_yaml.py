"""YAML of plain values: no anchors, aliases, tags or duplicate keys, and nothing that takes much time or memory."""

from pathlib import Path
from typing import Any

from pipeline.console.text import BRIEF_CHARACTERS, brief, shorten
from pipeline.errors import ParameterError

MAX_CHARACTERS = 50_000  # twenty times the project's own file; read in half a second at worst
MAX_LEVELS = 10  # of nesting: enough to report a misplaced structure by its key


def read(path: Path) -> object:
    """Read the values in a file as DVC reads them.

    Raises
    ------
    ParameterError
        If the file can't be read or holds anything but plain values.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise ParameterError(
            f"{path} can't be read ({error.strerror}); run this from the folder that holds it"
        ) from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not text in UTF-8 ({error.reason}); save it as UTF-8") from error
    if len(text) > MAX_CHARACTERS:
        raise ParameterError(f"{path} is longer than {MAX_CHARACTERS} characters; remove everything but the parameters")
    return parse(text, str(path))


def parse(text: str, origin: str) -> object:
    """Read the values in a text as `read` does; `origin` begins the message of a ParameterError."""
    parser = _parser()
    try:
        return parser.load(text)
    except Exception as error:  # the parser raises AssertionError and others, too, for text that it can't read
        raise ParameterError(f"{origin} is not plain YAML: {_problem(error, text)}") from error


def _parser() -> Any:
    """The parser that DVC reads params.yaml with, reduced to plain values.

    It is imported here, because streaming inference imports this module in environments without a YAML parser.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer, ComposerError
    from ruamel.yaml.constructor import ConstructorError, SafeConstructor

    class Plain(Composer):
        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.parser.peek_event()
            if event.anchor or getattr(event, "ctag", None) or getattr(event, "value", None) == "<<":
                problem = "anchors, aliases, tags and << are not allowed; write the value itself"
                raise ComposerError(None, None, problem, event.start_mark)
            if self.depth >= MAX_LEVELS:
                raise ComposerError(None, None, f"nested over {MAX_LEVELS} levels deep", event.start_mark)
            return super().compose_node(parent, index)

    class Values(SafeConstructor):
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except ValueError as error:  # a date such as 2020-13-45, or an integer of 5,000 digits
                raise ConstructorError(None, None, str(error), node.start_mark) from error

        def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
            if key in mapping:
                problem = f"the key {brief(key)} is given twice; remove one"
                raise ConstructorError(None, None, problem, key_node.start_mark)
            return True

    yaml = YAML(typ="safe", pure=True)  # the variant in C reads the same values, but composes them itself
    yaml.Composer, yaml.Constructor = Plain, Values
    return yaml


def _problem(error: Exception, text: str) -> str:
    """Describe an error of the YAML parser on one line, with the line of the file if the parser gives it."""
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    problem = shorten(", ".join(filter(None, parts)) or str(error).partition("\n")[0], 2 * BRIEF_CHARACTERS)
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    if mark is None and position is None:
        return problem
    index = text.count("\n", 0, position) if mark is None else mark.line
    line = " ".join(text.split("\n")[index : index + 1])
    return f"line {index + 1}, {brief(line)}: {problem}"
