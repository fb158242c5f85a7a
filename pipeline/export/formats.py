"""Write the trained network as a frame-by-frame network in four formats, each checked against the sequence form."""

from pathlib import Path

import numpy as np

from pipeline import backend, checksums, params
from pipeline.audio.samples import FULL_SCALE
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.export import golden, onnx_file
from pipeline.mfcc.kernel import FIXED, POWER_FLOOR, make_kernel
from pipeline.network import forms
from pipeline.network.definition import Architecture
from pipeline.silence.rule import DURATION_S
from pipeline.streaming import timeline
from pipeline.streaming.decision import POSTERIOR_FLOOR, Rule
from pipeline.streaming.description import FRONT_END, Description
from pipeline.streaming.runtimes import RUNTIMES, Name
from pipeline.streaming.timeline import Turns

KERAS_FORMATS: dict[Name, str] = {"saved_model": "tf_saved_model", "litert": "litert"}
"""Keras's names of the formats of the step form that it writes."""

CONVENTIONS = {  # fixed choices, for other implementations of the stream
    "audio": "the channels' mean, resampled by soxr (HQ), rounded to 16 bits; "
    f"the MFCCs are of those samples / {FULL_SCALE}",
    "mfcc": FIXED | {"pad_mode": "constant", "ref": 1.0, "amin": POWER_FLOOR},
    "silence": {
        "rule": "SoX's effect silence, one channel, float32, 'silence 1 DURATION THRESHOLD% -1 DURATION THRESHOLD%'; "
        "then spans less than min_silence apart are joined, those under min_speech dropped, the rest widened by pad",
        "duration_s": DURATION_S,
        "rms_window_s": 0.02,
        "frame_is_speech": "where its middle sample, min(frame * hop_length, samples - 1), lies in a span",
    },
    "states": "zeros at first; the step gives each as next_NAME",
    "timeline": {
        "block_s": timeline.BLOCK_S,
        "ahead_blocks": timeline.AHEAD,
        "sure": timeline.SURE,
        "pause_s": timeline.PAUSE_S,
        "lag_s": round((timeline.AHEAD + 1) * timeline.BLOCK_S, 6),  # of a segment, after the answer to a frame
    },
    "decision": "the mean over the speech frames, of log posteriors or posteriors, none below "
    f"{POSTERIOR_FLOOR:g}; its logarithm divided by the temperature, and softmax; unknown below a confidence",
}


def load(path: Path) -> backend.Model:
    """Load a trained network in Keras's safe mode.

    Raises
    ------
    ArtifactError
        If it is missing or altered, or can't be loaded safely.
    """
    checksums.read(path)
    try:
        return backend.keras().models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ArtifactError(f"{path} can't be loaded ({reason}); run `dvc repro`") from error


def latency(sample_rate: int, mfcc: params.Mfcc, silence: params.Silence) -> dict[str, float]:
    """Return the maximum latency: the audio after the centre of a frame that its answer waits for, s.

    `look_ahead` is half a window; `silence` is the longest wait for the speech flag.
    """
    return {
        "look_ahead": mfcc.n_fft / 2 / sample_rate,
        "silence": round(DURATION_S + silence.min_speech + silence.min_silence + silence.pad, 6),
    }


def describe(settings: params.Params, architecture: Architecture, weights: int) -> Description:
    """Return the description of a network before its confidence is calibrated."""
    latency_s = latency(settings.audio.sample_rate, settings.mfcc, settings.silence)
    # A network that sees every frame has answered that much sooner than a frame's flag is known.
    sooner_s = latency_s["silence"] if views.policy(settings.silence.strategy).seen else 0.0
    return Description(
        streaming=settings.export.streaming,
        languages=settings.trained_languages,
        classes=architecture.classes,
        sample_rate=settings.audio.sample_rate,
        mfcc=settings.mfcc,
        conventions=CONVENTIONS,
        silence=settings.silence,
        decision=Rule(mean=settings.decision.mean),
        turns=Turns(turn=settings.decision.turn, delay=min(sooner_s, timeline.MOST_DELAY_S)),
        states=architecture.states,
        weights=weights,
        latency_s=latency_s,
        tolerance=settings.export.tolerance,
    )


def write(trained: backend.Model, architecture: Architecture, description: Description, folder: Path) -> None:
    """Write the network in four formats, with everything else that a stream needs, into a folder.

    streaming.keras, saved_model/, model.tflite, model.onnx, frontend.npz, golden.npz, streaming.json and SHA256SUMS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stateful, step = forms.stateful(architecture), forms.step(architecture)
    for form in (stateful, step):
        forms.transfer(trained, form)
    stateful.save(folder / RUNTIMES["keras"].file)
    for name, kind in KERAS_FORMATS.items():
        step.export(folder / RUNTIMES[name].file, format=kind, verbose=False)
    onnx_file.write(trained, architecture, folder / RUNTIMES["onnx"].file)
    kernel = make_kernel(description.mfcc, description.sample_rate)
    np.savez(folder / FRONT_END, window=kernel.window, mel=kernel.mel, cosines=kernel.cosines)
    golden.record(folder, trained, kernel, description)
    description.write(folder)
    checksums.seal(folder)
