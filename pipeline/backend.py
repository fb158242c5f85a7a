"""TensorFlow and Keras, imported where they are needed and without their start-up noise."""

import os
from types import ModuleType

from pipeline.terminal import quiet

_ready: list[ModuleType] = []


def keras() -> ModuleType:
    """Keras on TensorFlow. The first call takes some seconds."""
    if not _ready:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        with quiet():
            import keras
            import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        _ready.append(keras)
    return _ready[0]
