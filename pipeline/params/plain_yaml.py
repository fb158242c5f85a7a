"""Values of params.yaml and dvc.yaml as DVC reads them."""

from pathlib import Path
from typing import Any

from pipeline.console.text import brief, shorten
from pipeline.errors import ParameterError

MAX_CHARACTERS = 50_000  # twenty times the project's own file


def read(path: Path) -> object:
    """Read the values in a file as DVC reads them.

    Raises
    ------
    ParameterError
        If the file can't be read or is not YAML.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}); run this from the folder that holds it"
        raise ParameterError(message) from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not text; save it as UTF-8") from error
    if len(text) > MAX_CHARACTERS:
        raise ParameterError(f"{path} is longer than {MAX_CHARACTERS} characters; remove everything but the parameters")
    return parse(text, str(path))


def parse(text: str, origin: str) -> object:
    """Read the values in a text as `read` does; `origin` begins the message of a ParameterError."""
    # Imported here, because streaming inference imports this module in environments without a YAML parser.
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import ConstructorError, SafeConstructor

    class Located(SafeConstructor):
        """The constructor of DVC's parser, which says in which line a value is wrong."""

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except ValueError as error:  # a date such as 2020-13-45, or an integer of 5,000 digits
                raise ConstructorError(None, None, str(error), node.start_mark) from error

        def refuse_set(self, node: Any) -> None:  # a list of the same values would pass for it
            raise ConstructorError(None, None, "a set; write a list, such as [a, b]", node.start_mark)

    Located.add_constructor("tag:yaml.org,2002:set", Located.refuse_set)
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = Located
    try:
        return parser.load(text)
    except Exception as error:  # the parser raises AssertionError and others, too, for text that it can't read
        problem = shorten(getattr(error, "problem", None) or str(error).partition("\n")[0], 120)
        mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
        if mark or position is not None:
            index = mark.line if mark else text.count("\n", 0, position)
            line = "".join(text.split("\n")[index : index + 1])
            problem = f"line {index + 1}, {brief(line)}: {problem}"
        raise ParameterError(f"{origin} is not YAML: {problem}") from error
