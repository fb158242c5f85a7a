"""Spoken language recognition: from recordings to a streaming model.

The public interface of the library. Importing it loads no other module; each name is imported on first use.

>>> import pipeline
>>> issubclass(pipeline.UserError, Exception)
True
"""

from typing import TYPE_CHECKING

__all__ = ["FeatureStore", "Identifier", "Params", "UserError", "__version__"]

if TYPE_CHECKING:
    from pipeline.errors import UserError
    from pipeline.params import Params
    from pipeline.store import FeatureStore
    from pipeline.streaming import Identifier

    __version__: str
else:  # hidden from mypy, which would otherwise accept any name
    _ROOMS = {
        "FeatureStore": "pipeline.store",
        "Identifier": "pipeline.streaming",
        "Params": "pipeline.params",
        "UserError": "pipeline.errors",
    }

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib import metadata

            return metadata.version("lid-pipeline")
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
