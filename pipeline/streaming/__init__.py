"""A stream of raw audio in, the language frame by frame out, on the folder that export writes.

`Identifier` is imported when it is first used, so that the other modules of this room stay light.
"""

from typing import TYPE_CHECKING

__all__ = ["Identifier"]

if TYPE_CHECKING:
    from pipeline.streaming.identifier import Identifier
else:  # hidden from mypy, which would otherwise accept any name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("pipeline.streaming.identifier"), name)
