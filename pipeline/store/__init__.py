"""The feature store, open for reading.

`FeatureStore` is imported when it is first used, so that the other modules of this room stay light.
"""

from typing import TYPE_CHECKING

__all__ = ["FeatureStore"]

if TYPE_CHECKING:
    from pipeline.store.feature_store import FeatureStore
else:  # hidden from mypy, which would otherwise accept any name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("pipeline.store.feature_store"), name)
