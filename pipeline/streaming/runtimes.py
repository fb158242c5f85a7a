"""The step network on each runtime that can run it: one frame in, one posterior out, states carried over.

    network   in memory once, shared by all streams and threads    frame, states ─► posterior, next states
    stream    its states: cheap                                    frame ─► posterior

LiteRT and ONNX Runtime need no TensorFlow and start in a fraction of a second.
"""

import functools
import importlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, checksums, params
from pipeline.console import quiet
from pipeline.errors import ArtifactError
from pipeline.streaming.description import EXPORT_REMEDY

Name = Literal["litert", "onnx", "keras", "saved_model"]
States = Sequence[Any]  # in the order of their names; arrays, or the values that the runtime returned


class Network(ABC):
    """A step network in memory, for any number of streams in any number of threads.

    Parameters
    ----------
    path
        The file or folder of its runtime.
    states
        Names and lengths of the states, as in streaming.json.
    """

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        self._zeros = tuple(np.zeros((1, units), np.float32) for units in states.values())
        self._open(path, tuple(states))

    def stream(self) -> "Stream":
        """A new stream, which holds only its states."""
        return Stream(self, self._zeros)

    @abstractmethod
    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        """The posterior, shape (classes,), and the next states, after one more frame, shape (n_mfcc,)."""

    @abstractmethod
    def _open(self, path: Path, states: tuple[str, ...]) -> None: ...


class Stream:
    """One stream through a network, for one thread at a time."""

    def __init__(self, network: Network, states: States) -> None:
        self._network, self._initial, self._states = network, states, states

    def step(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        """The posterior, shape (classes,), after one more frame, shape (n_mfcc,)."""
        posterior, self._states = self._network.step(frame, self._states)
        return posterior

    def reset_states(self) -> None:
        """Set the states to those before the first frame."""
        self._states = self._initial


class LiteRt(Network):
    """model.tflite on LiteRT."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        content = path.read_bytes()  # given a path, an interpreter would hold the file open
        with quiet.stderr():  # it names its delegate; without a delegate, a step takes twice as long
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        runner = self._interpreter.get_signature_runner()
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        self._frame, self._posterior = inputs["frame"]["index"], outputs["posterior"]["index"]
        self._now = [inputs[name]["index"] for name in states]
        self._next = [outputs[f"next_{name}"]["index"] for name in states]
        self._lock = threading.Lock()

    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        interpreter = self._interpreter
        with self._lock:
            interpreter.set_tensor(self._frame, frame[None, None])
            for index, state in zip(self._now, states, strict=True):
                interpreter.set_tensor(index, state)
            interpreter.invoke()
            following = [interpreter.get_tensor(index) for index in self._next]
            return interpreter.get_tensor(self._posterior)[0, 0], following


class Onnx(Network):
    """model.onnx on ONNX Runtime, whose sessions threads may share."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._names = states
        self._outputs = ["posterior", *(f"next_{name}" for name in states)]

    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        inputs = dict(zip(self._names, states, strict=True))
        posterior, *following = self._session.run(self._outputs, {"frame": frame[None, None], **inputs})
        return posterior[0, 0], following


class Keras(Network):
    """streaming.keras: its layers keep the states of one stream, so every step first sets those of its own stream."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        model = backend.keras().models.load_model(path, compile=False, safe_mode=True)
        import tensorflow

        layers = dict.fromkeys(name.rpartition("_")[0] for name in states)  # states of a layer are in its own order
        variables = [variable for layer in layers for variable in model.get_layer(layer).states]

        def call(frame: Any, states: list[Any]) -> tuple[Any, list[Any]]:
            for variable, state in zip(variables, states, strict=True):
                variable.assign(state)
            posterior = model(frame)
            return posterior, [tensorflow.convert_to_tensor(variable) for variable in variables]

        self._call = tensorflow.function(call, jit_compile=False)
        self._lock = threading.Lock()

    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        with self._lock:
            posterior, following = self._call(frame[None, None], list(states))
        return posterior.numpy()[0, 0], following


class SavedModel(Network):
    """saved_model/, called as TensorFlow Serving would."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        backend.keras()
        import tensorflow

        self._loaded = tensorflow.saved_model.load(str(path))  # its functions hold only weak references to it
        self._call = self._loaded.signatures["serving_default"]
        self._constant = tensorflow.constant
        self._names = states

    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        inputs = {name: self._constant(state) for name, state in zip(self._names, states, strict=True)}
        answer = self._call(frame=self._constant(frame[None, None]), **inputs)
        return answer["posterior"].numpy()[0, 0], [answer[f"next_{name}"] for name in self._names]


class Runtime(NamedTuple):
    """A runtime that can run the network of an export."""

    file: str  # or folder, in the export
    network: type[Network]
    require: Callable[[], ModuleType]  # imports its package


RUNTIMES: dict[Name, Runtime] = {
    "litert": Runtime("model.tflite", LiteRt, functools.partial(importlib.import_module, "ai_edge_litert.interpreter")),
    "onnx": Runtime("model.onnx", Onnx, functools.partial(importlib.import_module, "onnxruntime")),
    "keras": Runtime("streaming.keras", Keras, backend.keras),
    "saved_model": Runtime("saved_model", SavedModel, backend.keras),
}


def installed() -> list[Name]:
    """The runtimes whose packages are installed."""
    found: list[Name] = []
    for name, runtime in RUNTIMES.items():
        with suppress(ImportError):
            runtime.require()
            found.append(name)
    return found


def load(folder: Path, name: Name, states: Mapping[str, int]) -> Network:
    """Load the exported network in a folder into memory.

    Parameters
    ----------
    name
        The runtime.
    states
        Names and lengths of the states, as in streaming.json.

    Raises
    ------
    ArgumentError
        If the name of the runtime is unknown.
    ArtifactError
        If the file of that runtime is missing or altered, or the runtime is not installed or can't read it.
    """
    params.choose("runtime", name, RUNTIMES)
    runtime = RUNTIMES[name]
    path = folder / runtime.file
    checksums.check(folder, [runtime.file], EXPORT_REMEDY)
    try:
        runtime.require()
    except ImportError as error:
        raise ArtifactError(
            f"runtime {name!r} is not installed ({error.name or error}); install it or choose another"
        ) from error
    try:
        return runtime.network(path, states)
    except Exception as error:  # each runtime raises its own classes
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{path} can't be read by {name!r} ({reason}); export again") from error
