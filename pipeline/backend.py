"""Native libraries that write to standard error as they start: kept quiet, and TensorFlow imported only when needed."""

import ctypes
import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_ready: list[ModuleType] = []
_lock = threading.Lock()


def keras() -> ModuleType:
    """Keras on TensorFlow. The first call takes some seconds."""
    if not _ready:
        with unheard():
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            os.environ.setdefault("KERAS_BACKEND", "tensorflow")
            import keras
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")
            _ready.append(keras)
    return _ready[0]


@contextmanager
def unheard() -> Iterator[None]:
    """Point C's variable `stderr` at nothing, for one thread at a time.

    For libraries that write before they read a log level, or have none. File descriptor 2 and Python's sys.stderr are
    not touched, so no other thread can lose a traceback.
    """
    libc = ctypes.CDLL(None)
    try:
        stream = ctypes.c_void_p.in_dll(libc, "stderr")
    except ValueError:  # a C library with another name for it: the messages are shown
        yield
        return
    with _lock:
        kept, stream.value = stream.value, _nothing()
        try:
            yield
        finally:
            stream.value = kept


@functools.cache
def _nothing() -> int:
    """A C stream that is never closed, as another thread may be writing to it."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    return int(libc.fopen(os.devnull.encode(), b"w"))
