"""Import TensorFlow only when it is needed, and silence native libraries that write to standard error as they start."""

import ctypes
import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pipeline.console import environment
from pipeline.errors import ArgumentError

SETTINGS = ("tensorflow", "float32", "channels_last")  # of Keras: backend, floatx and image_data_format
_ready: list[ModuleType] = []
_lock = threading.Lock()


def keras() -> ModuleType:
    """Keras on TensorFlow. The first call takes some seconds.

    Raises
    ------
    ArgumentError
        If this process has imported Keras with other settings.
    """
    if not _ready:
        with quiet_stderr(), environment.defaults():
            import keras
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")
        found = (keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())
        if found != SETTINGS:
            raise ArgumentError(
                f"this process has imported Keras with {', '.join(found)}; only {', '.join(SETTINGS)} are supported: "
                "call pipeline.backend.keras() before, or change KERAS_BACKEND and keras.json"
            )
        _ready.append(keras)
    return _ready[0]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Point C's variable `stderr` at the null device, for one thread at a time.

    For libraries that write before they read a log level, or have none. File descriptor 2 and Python's sys.stderr are
    not touched, so no other thread loses a traceback.
    """
    try:
        stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    except (ValueError, TypeError):  # another name for it, or Windows: the messages are shown
        yield
        return
    with _lock:
        original, stream.value = stream.value, _null_stream()
        try:
            yield
        finally:
            stream.value = original


@functools.cache
def _null_stream() -> int:
    """A C stream to the null device. It is never closed, because another thread may be writing to it."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    return int(libc.fopen(os.devnull.encode(), b"w"))
