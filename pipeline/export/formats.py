"""The trained network as a stream: one step at a time, in four formats, each proved equal to the sequence form."""

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import backend, checksums, params
from pipeline.errors import ArtifactError
from pipeline.export import golden
from pipeline.mfcc import FIXED, FLOOR, make_kernel
from pipeline.network import forms
from pipeline.network.definition import Architecture
from pipeline.silence.rule import DURATION
from pipeline.streaming import runtimes
from pipeline.streaming.description import FRONT_END, Description

if TYPE_CHECKING:
    from keras import Model

CONVENTIONS = {  # what another implementation of the stream has to know besides the parameters
    "audio": "the channels' mean, resampled by soxr (HQ), rounded to 16 bits; the MFCCs are of those samples / 32768",
    "mfcc": FIXED | {"pad_mode": "constant", "ref": 1.0, "amin": FLOOR},
    "silence": {
        "rule": "SoX's effect silence, one channel, float32, 'silence 1 DURATION THRESHOLD% -1 DURATION THRESHOLD%'; "
        "then spans less than min_silence apart are joined, those under min_speech dropped, the rest widened by pad",
        "duration_s": DURATION,
        "rms_window_s": 0.02,
        "frame_is_speech": "where its middle sample, min(frame * hop_length, samples - 1), lies in a span",
    },
    "states": "zeros at first; the step gives each as next_NAME",
    "decision": "the language with the highest mean log posterior over the speech frames",
}


def load(path: Path) -> "Model":
    """Load a network in Keras's safe mode.

    Raises
    ------
    ArtifactError
        If it is missing or altered, or can't be loaded safely.
    """
    checksums.read(path)
    try:
        return backend.keras().models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"{path} can't be loaded ({str(error).splitlines()[0]}); run `dvc repro`") from None


def export(
    trained: "Model",
    architecture: Architecture,
    folder: Path,
    *,
    languages: tuple[str, ...],
    sample_rate: int,
    mfcc: params.Mfcc,
    silence: params.Silence,
    tolerance: float,
    streams: bool,
) -> None:
    """Write the network in four formats, with all that a stream needs beside it, into a folder.

    streaming.keras, saved_model/, model.tflite, model.onnx, frontend.npz, golden.npz, streaming.json and SHA256SUMS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stateful, step = forms.stateful(architecture), forms.step(architecture)
    for target in (stateful, step):
        forms.transfer(trained, target)
    files = {name: folder / file for name, file in runtimes.FILES.items()}
    stateful.save(files["keras"])
    formats: dict[runtimes.Name, str] = {"saved_model": "tf_saved_model", "litert": "litert", "onnx": "onnx"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converters warn of their own internals
        for name, kind in formats.items():
            shutil.rmtree(files[name], ignore_errors=True)
            step.export(files[name], format=kind, verbose=False)

    kernel = make_kernel(mfcc, sample_rate)
    np.savez(folder / FRONT_END, window=kernel.window, mel=kernel.mel, cosines=kernel.cosines)
    description = Description(
        schema_version=2,
        streaming=streams,
        languages=languages,
        classes=architecture.classes,
        sample_rate=sample_rate,
        mfcc=mfcc,
        conventions=CONVENTIONS,
        silence=silence,
        states=architecture.states,
        latency_s=latency(sample_rate, mfcc, silence),
        tolerance=tolerance,
    )
    golden.record(folder, trained, kernel, description)
    description.write(folder)
    checksums.seal(folder)


def latency(sample_rate: int, mfcc: params.Mfcc, silence: params.Silence) -> dict[str, float]:
    """Seconds of audio behind the middle of a frame that its answer waits for.

    `look_ahead` is half of the window that the frame sees, `silence` the longest that its speech flag can wait.
    """
    return {
        "look_ahead": mfcc.n_fft / 2 / sample_rate,
        "silence": round(DURATION + silence.min_speech + silence.min_silence + silence.pad, 6),
    }
