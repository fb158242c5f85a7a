"""The feature store, open for reading."""

from pipeline.store.feature_store import FeatureStore

__all__ = ["FeatureStore"]
