"""What a 10 ms frame of a stream costs, whole and in parts, against Keras `predict` and eager calls in the same run.

Needs artifacts/streaming, which `dvc repro` writes.
"""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.audio.resample import Resampler
from pipeline.mfcc import Framer
from pipeline.silence.detector import Detector
from pipeline.streaming import runtimes
from pipeline.streaming.identifier import Identifier

FOLDER = Path("artifacts/streaming")
RATE, SECONDS = 16000, 30
CHUNK = RATE // 100  # a frame at a time: the costliest way
SLOW = 40  # frames are enough for what takes milliseconds each
STREAMS = 50


def main() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(10 ** rng.uniform(-3, -1, SECONDS * 4), RATE // 4)
    audio = (rng.standard_normal(len(level)) * level).clip(-1, 1).astype(np.float32)
    chunks = [audio[at : at + CHUNK] for at in range(0, len(audio), CHUNK)]
    samples = [Resampler(RATE, RATE).accept(chunk) for chunk in chunks]

    first = Identifier.load(FOLDER)
    about = first.description
    frames = rng.normal(size=(len(chunks), about.mfcc.n_mfcc)).astype(np.float32)
    resampler = Resampler(48000, RATE)
    costs = {
        "resampling 48 kHz": per_frame(resampler.accept, [np.repeat(chunk, 3) for chunk in chunks]),
        "speech detection": per_frame(Detector(RATE, about.mfcc.hop_length, about.silence).accept, samples),
        "MFCC": per_frame(Framer(first.kernel).accept, samples),
    }
    for name, few in (("litert", None), ("onnx", None), ("keras", SLOW)):
        network = runtimes.load(FOLDER, name, about.states).stream()
        costs[f"network, {name}"] = per_frame(network.step, frames[:few])
    for name, few in (("litert", None), ("onnx", None), ("keras", 10 * SLOW)):
        costs[f"whole chain, {name}"] = per_frame(Identifier.load(FOLDER, name).accept, chunks[:few])

    from pipeline import backend

    model = backend.keras().models.load_model(FOLDER / "streaming.keras", compile=False, safe_mode=True)
    few = [frame[None, None] for frame in frames[:SLOW]]
    costs["Keras predict, network alone"] = per_frame(lambda frame: model.predict(frame, verbose=0), few)
    costs["Keras eager call, network alone"] = per_frame(model, few)

    chain, predict = costs["whole chain, litert"], costs["Keras predict, network alone"]
    for name, seconds in costs.items():
        print(f"{name:32} {seconds * 1e6:10,.1f} µs a frame   {predict / seconds:9,.1f} x predict")
    print(f"{'streams in real time on one core':32} {0.01 / chain:10,.0f}")
    before = memory()
    held = [first.stream() for _ in range(STREAMS)]
    for stream in held:
        stream.accept(audio[:RATE])
    print(f"{'memory of a stream':32} {(memory() - before) / STREAMS:10,.2f} MB")


def per_frame(work: Callable, inputs: list) -> float:
    """Seconds of one call, after some to warm up."""
    for given in inputs[:20]:
        work(given)
    began = time.perf_counter()
    for given in inputs[20:]:
        work(given)
    return (time.perf_counter() - began) / len(inputs[20:])


def memory() -> float:
    """Peak memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
