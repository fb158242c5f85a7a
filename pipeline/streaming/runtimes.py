"""The exported network on each runtime that can run it: frames in, posteriors out, states carried over.

    network   in memory once, shared by all streams and threads    frames, states ─► posteriors, next states
    stream    its states: cheap                                    frames ─► posteriors

LiteRT and ONNX Runtime need no TensorFlow and start in a fraction of a second. LiteRT is the fastest frame by frame;
ONNX Runtime takes many frames at once in a fraction of the time of each.
"""

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, checksums, params
from pipeline.arrays import Features, Posteriors
from pipeline.console import environment, quiet
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.streaming.description import EXPORT_REMEDY

Name = Literal["litert", "onnx", "keras", "saved_model"]
States = Sequence[Any]  # in the order of their names; arrays, or the values that the runtime returned
# Takes one frame, shape (1, 1, n_mfcc), and the states; returns the posterior, shape (classes,), and the next states.
Step = Callable[[NDArray[np.float32], States], tuple[NDArray[np.float32], States]]
# Takes at least one frame, shape (frames, n_mfcc), and the states, from any thread; returns the posteriors, shape
# (frames, classes), and the next states.
Network = Callable[[Features, States], tuple[Posteriors, States]]


class Stream:
    """One stream through a network, for one thread at a time."""

    def __init__(self, network: Network, initial: States) -> None:
        self._network, self._initial, self._states = network, initial, initial

    def stream(self) -> "Stream":
        """Return a new stream through the same network in memory."""
        return Stream(self._network, self._initial)

    def accept(self, frames: Features) -> Posteriors:
        """Return the posteriors of more frames, shape (frames, classes); at least one frame."""
        posteriors, self._states = self._network(frames, self._states)
        return posteriors

    def reset_states(self) -> None:
        """Set the states to those before the first frame."""
        self._states = self._initial


def _litert(path: Path, names: Sequence[str]) -> Network:
    from ai_edge_litert.interpreter import Interpreter

    content = path.read_bytes()  # given a path, an interpreter would hold the file open
    with quiet.stderr():  # it names its delegate; without a delegate, a step takes twice as long
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    runner, lock = interpreter.get_signature_runner(), threading.Lock()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    frame_index, posterior_index = inputs["frame"]["index"], outputs["posterior"]["index"]
    now = [inputs[name]["index"] for name in names]
    following = [outputs[f"next_{name}"]["index"] for name in names]

    def step(frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        interpreter.set_tensor(frame_index, frame)
        for index, state in zip(now, states, strict=True):
            interpreter.set_tensor(index, state)
        interpreter.invoke()
        after = [interpreter.get_tensor(index) for index in following]
        return interpreter.get_tensor(posterior_index)[0, 0], after

    def network(frames: Features, states: States) -> tuple[Posteriors, States]:
        with lock:
            return _one_by_one(step, frames, states)

    return network


def _onnx(path: Path, names: Sequence[str]) -> Network:
    with environment.defaults():
        import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    outputs = ["posterior", *(f"next_{name}" for name in names)]

    def network(frames: Features, states: States) -> tuple[Posteriors, States]:
        inputs = {"frame": frames[None], **dict(zip(names, states, strict=True))}
        posteriors, *following = session.run(outputs, inputs)
        return posteriors[0], following

    return network


def _keras(path: Path, names: Sequence[str]) -> Network:
    """Open streaming.keras: its layers keep the states of one stream, so every call first sets those of its own."""
    model = backend.keras().models.load_model(path, compile=False, safe_mode=True)
    import tensorflow

    layers = dict.fromkeys(name.rpartition("_")[0] for name in names)  # states of a layer are in its own order
    variables = [variable for layer in layers for variable in model.get_layer(layer).states]
    lock = threading.Lock()

    @tensorflow.function(jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def call(frames: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        for variable, state in zip(variables, states, strict=True):
            variable.assign(state)
        posteriors = model(frames)
        return posteriors, [tensorflow.convert_to_tensor(variable) for variable in variables]

    def network(frames: Features, states: States) -> tuple[Posteriors, States]:
        with lock:
            posteriors, following = call(frames[None], list(states))
        return posteriors.numpy()[0], following

    return network


def _saved_model(path: Path, names: Sequence[str]) -> Network:
    """Open saved_model/, to be called as TensorFlow Serving would."""
    backend.keras()
    import tensorflow

    loaded = tensorflow.saved_model.load(str(path))

    def step(frame: NDArray[np.float32], states: States) -> tuple[NDArray[np.float32], States]:
        given = {"frame": frame, **dict(zip(names, states, strict=True))}
        call = loaded.signatures["serving_default"]  # it holds only weak references to what is loaded
        answer = call(**{name: tensorflow.constant(value) for name, value in given.items()})
        return answer["posterior"].numpy()[0, 0], [answer[f"next_{name}"] for name in names]

    return functools.partial(_one_by_one, step)


def _one_by_one(step: Step, frames: Features, states: States) -> tuple[Posteriors, States]:
    """Run a network that takes one frame at a time, shape (1, 1, n_mfcc)."""
    posteriors = []
    for frame in frames:
        posterior, states = step(frame[None, None], states)
        posteriors.append(posterior)
    return np.array(posteriors), states


class Runtime(NamedTuple):
    """A runtime: its file or folder in an export, the package that runs it, and how that opens it."""

    file: str
    package: str
    open: Callable[[Path, Sequence[str]], Network]


RUNTIMES: dict[Name, Runtime] = {
    "litert": Runtime("model.tflite", "ai_edge_litert", _litert),
    "onnx": Runtime("model.onnx", "onnxruntime", _onnx),
    "keras": Runtime("streaming.keras", "tensorflow", _keras),
    "saved_model": Runtime("saved_model", "tensorflow", _saved_model),
}


def installed() -> list[Name]:
    """Return the runtimes whose packages are installed."""
    return [name for name, runtime in RUNTIMES.items() if find_spec(runtime.package)]


def load(folder: Path, name: Name, states: Mapping[str, int]) -> Stream:
    """Load the exported network in a folder into memory; return a first stream through it.

    Parameters
    ----------
    name
        Name of the runtime.
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
    checksums.check(folder, [runtime.file], EXPORT_REMEDY)
    try:
        network = runtime.open(folder / runtime.file, tuple(states))
    except ImportError as error:
        missing = error.name or error
        raise ArtifactError(f"runtime {name!r} is not installed ({missing}); install it or choose another") from error
    except ArgumentError:  # Keras has other settings
        raise
    except Exception as error:  # each runtime raises its own classes
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{folder / runtime.file} can't be read by {name!r} ({reason}); export again") from error
    return Stream(network, [np.zeros((1, units), np.float32) for units in states.values()])
