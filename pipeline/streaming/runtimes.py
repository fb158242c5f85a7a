"""The step network on each runtime that can run it: one frame in, one posterior out, states carried over.

    network   in memory once, shared by all streams and threads    frame, states ─► posterior, next states
    stream    its states: cheap                                    frame ─► posterior

LiteRT and ONNX Runtime need no TensorFlow and start in a fraction of a second.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, checksums, params
from pipeline.console import quiet
from pipeline.errors import ArgumentError, ArtifactError
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

    Attributes
    ----------
    file
        Name of the file or folder in an export.
    package
        The package that runs it.
    """

    file: ClassVar[str]
    package: ClassVar[str]

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        self._zeros = tuple(np.zeros((1, units), np.float32) for units in states.values())
        self._open(path, tuple(states))

    def stream(self) -> "Stream":
        """Return a new stream, which holds only its states."""
        return Stream(self, self._zeros)

    @abstractmethod
    def step(self, frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        """Return the posterior, shape (classes,), and the next states, after one more frame, shape (n_mfcc,)."""

    @abstractmethod
    def _open(self, path: Path, states: tuple[str, ...]) -> None: ...


class Stream:
    """One stream through a network, for one thread at a time."""

    def __init__(self, network: Network, states: States) -> None:
        self._network, self._initial, self._states = network, states, states

    def step(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the posterior, shape (classes,), after one more frame, shape (n_mfcc,)."""
        posterior, self._states = self._network.step(frame, self._states)
        return posterior

    def reset_states(self) -> None:
        """Set the states to those before the first frame."""
        self._states = self._initial


class LiteRt(Network):
    """model.tflite on LiteRT."""

    file, package = "model.tflite", "ai_edge_litert"

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

    file, package = "model.onnx", "onnxruntime"

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

    file, package = "streaming.keras", "tensorflow"

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

    file, package = "saved_model", "tensorflow"

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


RUNTIMES: dict[Name, type[Network]] = {"litert": LiteRt, "onnx": Onnx, "keras": Keras, "saved_model": SavedModel}


def installed() -> list[Name]:
    """Return the runtimes whose packages are installed."""
    return [name for name, network in RUNTIMES.items() if find_spec(network.package)]


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
    network = RUNTIMES[name]
    checksums.check(folder, [network.file], EXPORT_REMEDY)
    try:
        return network(folder / network.file, states)
    except ImportError as error:
        raise ArtifactError(
            f"runtime {name!r} is not installed ({error.name or error}); install it or choose another"
        ) from error
    except ArgumentError:  # Keras has other settings
        raise
    except Exception as error:  # each runtime raises its own classes
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{folder / network.file} can't be read by {name!r} ({reason}); export again") from error
