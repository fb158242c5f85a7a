"""The step network on each runtime that can hold it: one frame in, one posterior out, states kept between.

    network   in memory once, shared by all streams and threads    frame, states ─► posterior, next states
    stream    its states: cheap                                    frame ─► posterior

LiteRT and ONNX Runtime need no TensorFlow and start in a fraction of a second.
"""

import importlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline import backend, checksums, params
from pipeline.errors import ArtifactError
from pipeline.mfcc import Features

Name = Literal["litert", "onnx", "keras", "saved_model"]
FILES: Mapping[Name, str] = {
    "litert": "model.tflite",
    "onnx": "model.onnx",
    "keras": "streaming.keras",
    "saved_model": "saved_model",
}
REMEDY = "copy the whole folder or export again"
KINDS = ("h", "c")  # order of the states of a Keras layer

States = Sequence[Any]  # in the order of their names; arrays, or whatever the runtime gave back


class Network(ABC):
    """A step network in memory, for any number of streams in any number of threads.

    Parameters
    ----------
    path
        The file or folder of its runtime.
    states
        Names and lengths of the states, as streaming.json has them.
    """

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        self._zeros = tuple(np.zeros((1, units), np.float32) for units in states.values())
        self._open(path, tuple(states))

    def stream(self) -> "Stream":
        """A new stream: no more than its states."""
        return Stream(self, self._zeros)

    @abstractmethod
    def step(self, frame: Features, states: States) -> tuple[Features, States]:
        """The posterior, shape (classes,), and the next states, after one more frame, shape (n_mfcc,)."""

    @abstractmethod
    def _open(self, path: Path, states: tuple[str, ...]) -> None: ...


class Stream:
    """One stream through a network: not to be shared between threads."""

    def __init__(self, network: Network, states: States) -> None:
        self._network, self._initial, self._states = network, states, states

    def step(self, frame: Features) -> Features:
        """The posterior, shape (classes,), after one more frame, shape (n_mfcc,)."""
        posterior, self._states = self._network.step(frame, self._states)
        return posterior

    def reset_states(self) -> None:
        """Forget every frame so far."""
        self._states = self._initial


class LiteRt(Network):
    """model.tflite on LiteRT."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        content = path.read_bytes()  # an interpreter holds the file that it is given open
        with backend.unheard():  # it names the delegate that it chose; without that, a step takes twice as long
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        runner = self._interpreter.get_signature_runner()
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        self._frame, self._posterior = inputs["frame"]["index"], outputs["posterior"]["index"]
        self._now = [inputs[name]["index"] for name in states]
        self._next = [outputs[f"next_{name}"]["index"] for name in states]
        self._lock = threading.Lock()

    def step(self, frame: Features, states: States) -> tuple[Features, States]:
        interpreter = self._interpreter
        with self._lock:
            interpreter.set_tensor(self._frame, frame[None, None])
            for index, state in zip(self._now, states, strict=True):
                interpreter.set_tensor(index, state)
            interpreter.invoke()
            following = [interpreter.get_tensor(index) for index in self._next]
            return interpreter.get_tensor(self._posterior)[0, 0], following


class Onnx(Network):
    """model.onnx on ONNX Runtime, whose sessions are safe to share."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._names = states
        self._outputs = ["posterior", *(f"next_{name}" for name in states)]

    def step(self, frame: Features, states: States) -> tuple[Features, States]:
        inputs = dict(zip(self._names, states, strict=True))
        posterior, *following = self._session.run(self._outputs, {"frame": frame[None, None], **inputs})
        return posterior[0, 0], following


class Keras(Network):
    """streaming.keras: its layers keep the states of one stream, so those of each are put there first."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        model = backend.keras().models.load_model(path, compile=False, safe_mode=True)
        import tensorflow

        parts = [name.rpartition("_") for name in states]
        kept = [model.get_layer(layer).states[KINDS.index(kind)] for layer, _, kind in parts]

        def call(frame: Any, states: list[Any]) -> tuple[Any, list[Any]]:
            for variable, state in zip(kept, states, strict=True):
                variable.assign(state)
            posterior = model(frame)
            return posterior, [tensorflow.convert_to_tensor(variable) for variable in kept]

        self._call = tensorflow.function(call, jit_compile=False)
        self._lock = threading.Lock()

    def step(self, frame: Features, states: States) -> tuple[Features, States]:
        with self._lock:
            posterior, following = self._call(frame[None, None], list(states))
        return posterior.numpy()[0, 0], following


class SavedModel(Network):
    """saved_model/ as TensorFlow serves it."""

    def _open(self, path: Path, states: tuple[str, ...]) -> None:
        backend.keras()
        import tensorflow

        self._loaded = tensorflow.saved_model.load(str(path))  # held: its functions refer to its variables weakly
        self._call = self._loaded.signatures["serving_default"]
        self._constant = tensorflow.constant
        self._names = states

    def step(self, frame: Features, states: States) -> tuple[Features, States]:
        inputs = {name: self._constant(state) for name, state in zip(self._names, states, strict=True)}
        answer = self._call(frame=self._constant(frame[None, None]), **inputs)
        return answer["posterior"].numpy()[0, 0], [answer[f"next_{name}"] for name in self._names]


NETWORKS: Mapping[Name, type[Network]] = {
    "litert": LiteRt,
    "onnx": Onnx,
    "keras": Keras,
    "saved_model": SavedModel,
}


def installed() -> list[Name]:
    """The runtimes that can be imported here."""
    found: list[Name] = []
    for name in FILES:
        with suppress(ImportError):
            _import(name)
            found.append(name)
    return found


def load(folder: Path, runtime: Name, states: Mapping[str, int]) -> Network:
    """The exported network in a folder, in memory.

    Parameters
    ----------
    states
        Names and lengths of the states, as streaming.json has them.

    Raises
    ------
    ArgumentError
        If the name of the runtime is unknown.
    ArtifactError
        If the file of that runtime is missing or altered, or the runtime is not installed or can't read it.
    """
    params.choose("runtime", runtime, FILES)
    checksums.check(folder, [FILES[runtime]], REMEDY)
    try:
        _import(runtime)
    except ImportError as error:
        raise ArtifactError(
            f"runtime {runtime!r} is not installed ({error.name or error}); install it or take another"
        ) from None
    path = folder / FILES[runtime]
    try:
        return NETWORKS[runtime](path, states)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ArtifactError(f"{path} can't be read by {runtime!r} ({error}); export again") from None


def _import(runtime: Name) -> None:
    if runtime in ("litert", "onnx"):
        importlib.import_module({"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime"}[runtime])
    else:
        backend.keras()
