"""The step network on each runtime that can hold it: one frame in, one posterior out, states kept between.

LiteRT and ONNX Runtime need no TensorFlow and start in a fraction of a second.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from pipeline.errors import ArtifactError
from pipeline.mfcc import Features
from pipeline.terminal import quiet

Name = Literal["litert", "onnx", "keras", "saved_model"]
FILES: Mapping[Name, str] = {
    "litert": "model.tflite",
    "onnx": "model.onnx",
    "keras": "streaming.keras",
    "saved_model": "saved_model",
}
MODULES: Mapping[Name, str] = {  # what each needs installed
    "litert": "ai_edge_litert",
    "onnx": "onnxruntime",
    "keras": "tensorflow",
    "saved_model": "tensorflow",
}


class Stream(Protocol):
    """One stream through a step network: not to be shared between threads, cheap to make many of."""

    def step(self, frame: Features) -> Features:
        """The posterior, shape (classes,), after one more frame, shape (n_mfcc,)."""

    def reset_states(self) -> None:
        """Forget every frame so far."""


class LiteRt:
    """model.tflite on LiteRT."""

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with quiet():  # it names the delegate that it chose
            self._interpreter = Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
            runner = self._interpreter.get_signature_runner()
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        self._frame = inputs["frame"]["index"]
        self._posterior = outputs["posterior"]["index"]
        self._states = [
            (inputs[name]["index"], outputs[f"next_{name}"]["index"], units) for name, units in states.items()
        ]
        self.reset_states()

    def step(self, frame: Features) -> Features:
        self._interpreter.set_tensor(self._frame, frame[None, None])
        self._interpreter.invoke()
        for now, after, _ in self._states:
            self._interpreter.set_tensor(now, self._interpreter.get_tensor(after))
        posterior: Features = self._interpreter.get_tensor(self._posterior)[0, 0]
        return posterior

    def reset_states(self) -> None:
        for now, _, units in self._states:
            self._interpreter.set_tensor(now, np.zeros((1, units), np.float32))


class Onnx:
    """model.onnx on ONNX Runtime."""

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._units = dict(states)
        self._outputs = ["posterior", *(f"next_{name}" for name in states)]
        self._states: dict[str, Features] = {}
        self.reset_states()

    def step(self, frame: Features) -> Features:
        posterior, *following = self._session.run(self._outputs, {"frame": frame[None, None], **self._states})
        self._states = dict(zip(self._units, following, strict=True))
        answer: Features = posterior[0, 0]
        return answer

    def reset_states(self) -> None:
        self._states = {name: np.zeros((1, units), np.float32) for name, units in self._units.items()}


class Keras:
    """streaming.keras: its layers keep the states."""

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        from pipeline import backend

        keras = backend.keras()
        import tensorflow

        self._model = keras.models.load_model(path, compile=False, safe_mode=True)
        self._call: Any = tensorflow.function(self._model, jit_compile=False)

    def step(self, frame: Features) -> Features:
        posterior: Features = self._call(frame[None, None]).numpy()[0, 0]
        return posterior

    def reset_states(self) -> None:
        for layer in self._model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()


class SavedModel:
    """saved_model/ as TensorFlow serves it."""

    def __init__(self, path: Path, states: Mapping[str, int]) -> None:
        from pipeline import backend

        backend.keras()
        import tensorflow

        self._loaded = tensorflow.saved_model.load(str(path))  # held: its functions refer to its variables weakly
        self._call = self._loaded.signatures["serving_default"]
        self._constant = tensorflow.constant
        self._units = dict(states)
        self._states: dict[str, Any] = {}
        self.reset_states()

    def step(self, frame: Features) -> Features:
        answer = self._call(frame=self._constant(frame[None, None]), **self._states)
        self._states = {name: answer[f"next_{name}"] for name in self._units}
        posterior: Features = answer["posterior"].numpy()[0, 0]
        return posterior

    def reset_states(self) -> None:
        self._states = {name: self._constant(np.zeros((1, units), np.float32)) for name, units in self._units.items()}


def open_stream(folder: Path, runtime: Name, states: Mapping[str, int]) -> Stream:
    """A new stream through the exported network in a folder.

    Parameters
    ----------
    states
        Names and lengths of the states, as streaming.json has them.

    Raises
    ------
    ArtifactError
        Where the file of that runtime is missing or can't be read by it.
    """
    kinds: dict[Name, Callable[[Path, Mapping[str, int]], Stream]] = {
        "litert": LiteRt,
        "onnx": Onnx,
        "keras": Keras,
        "saved_model": SavedModel,
    }
    path = folder / FILES[runtime]
    if not path.exists():
        raise ArtifactError(
            f"{path} is missing, which runtime {runtime!r} needs; copy the whole folder or export again"
        )
    try:
        return kinds[runtime](path, states)
    except ImportError as error:
        raise ArtifactError(
            f"runtime {runtime!r} is not installed ({error.name}); install it or take another"
        ) from None
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ArtifactError(f"{path} can't be read by {runtime!r} ({error}); export again") from None
