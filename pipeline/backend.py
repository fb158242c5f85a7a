"""Import TensorFlow only when it is needed, silently and with its own settings."""

import functools
from types import ModuleType
from typing import Any, cast

from pipeline.console import environment, quiet
from pipeline.errors import ArgumentError

SETTINGS = ("tensorflow", "float32", "channels_last")  # of Keras: backend, floatx and image_data_format

Model = Any  # keras.Model, whose import takes seconds
Tensor = Any  # of Keras or TensorFlow


@functools.cache
def keras() -> ModuleType:
    """Return Keras on TensorFlow. The first call takes some seconds.

    Raises
    ------
    ArgumentError
        If this process has imported Keras with other settings.
    """
    with quiet.stderr(), environment.defaults():
        import keras
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
    found = (keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())
    if found != SETTINGS:
        raise ArgumentError(
            f"this process has imported Keras with {', '.join(found)}, not {', '.join(SETTINGS)}: call "
            "pipeline.backend.keras() before, or change KERAS_BACKEND and keras.json"
        )
    return cast(ModuleType, keras)


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU."""
    keras()
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))
