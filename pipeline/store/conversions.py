"""Items in the form that another library expects: a dataset of examples of TensorFlow or PyTorch."""

import importlib.util
from collections.abc import Callable, Iterable
from typing import Any

from pipeline import backend
from pipeline.errors import ProgramError
from pipeline.store.items import Example


def library(name: str) -> Any:
    """Import a library that need not be installed; ProgramError if it is not."""
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        raise ProgramError(f"{package} is not installed; to read features in this form, `pip install {package}`")
    if package == "tensorflow":
        backend.keras()  # prepares it
    return importlib.import_module(name)


def tensorflow_dataset(
    examples: Callable[[], Iterable[Any]], shape: tuple[int | None, ...], count: int | None = None
) -> Any:
    """Return a tf.data.Dataset of examples or batches, as users and the training read them.

    Parameters
    ----------
    examples
        Starts an iteration over features, targets and weights.
    shape
        Shape of the features, (..., n_mfcc).
    count
        Number of examples, if it is known.
    """
    tensorflow = library("tensorflow")
    spec, options = tensorflow.TensorSpec, tensorflow.data.Options()
    options.autotune.enabled = False  # there is nothing to tune, and ending the tuner takes a second per epoch
    signature = Example(
        spec(shape, tensorflow.float32), spec(shape[:-1], tensorflow.int64), spec(shape[:-1], tensorflow.float32)
    )
    dataset = tensorflow.data.Dataset.from_generator(examples, output_signature=signature).with_options(options)
    return dataset if count is None else dataset.apply(tensorflow.data.experimental.assert_cardinality(count))


class Tensors:
    """The items of a Selection as tensors, indexed like it: a dataset for PyTorch, which need not be installed."""

    def __init__(self, items: Any) -> None:
        library("torch")
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        import torch

        found = self._items[index]
        return Example(*map(torch.from_numpy, found)) if isinstance(found, Example) else Tensors(found)
