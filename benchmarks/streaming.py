"""Measure the cost of one 10 ms frame of a stream, whole and in parts, relative to Keras `predict` in the same run.

Needs artifacts/streaming, which `dvc repro` writes.
"""

import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.resample import Resampler
from pipeline.mfcc.stream import Framer
from pipeline.silence.detector import Detector
from pipeline.streaming import runtimes
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.timeline import Timeline

FOLDER = Path("artifacts/streaming")
RATE_HZ, SECONDS = 16000, 30
CHUNK_SAMPLES = RATE_HZ // 100  # one frame at a time: the most expensive case
SLOW_FRAMES = 40  # enough for calls that take milliseconds each
WARM_UP_CALLS = 20
N_STREAMS = 100
CHUNKS_MS = (10, 20, 50, 100)
RUNTIMES: tuple[tuple[runtimes.Name, int | None], ...] = (("litert", None), ("onnx", None), ("keras", 10 * SLOW_FRAMES))


def main() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(10 ** rng.uniform(-3, -1, SECONDS * 4), RATE_HZ // 4)
    audio = (rng.standard_normal(len(level)) * level).clip(-1, 1).astype(np.float32)
    chunks = [audio[at : at + CHUNK_SAMPLES] for at in range(0, len(audio), CHUNK_SAMPLES)]
    samples = [Resampler(RATE_HZ, RATE_HZ).accept(chunk) for chunk in chunks]

    first = Identifier.load(FOLDER)
    description = first.description
    frames = rng.normal(size=(len(chunks), description.mfcc.n_mfcc)).astype(np.float32)
    detector = Detector(RATE_HZ, description.mfcc.hop_length, description.silence)
    costs = {
        "resampling 48 kHz": per_call(Resampler(48000, RATE_HZ).accept, [np.repeat(chunk, 3) for chunk in chunks]),
        "speech detection": per_call(detector.accept, samples),
        "MFCC": per_call(Framer(first.kernel).accept, samples),
    }
    for name, most in RUNTIMES:
        network = runtimes.load(FOLDER, name, description.states).stream()
        costs[f"network, {name}"] = per_call(network.accept, list(frames[:most, None]))
    posteriors = rng.dirichlet(np.ones(len(description.classes)), len(chunks)).astype(np.float32)
    timeline, speech = Timeline(description.languages, description.turns, None, description.frame_s), np.ones(1, bool)
    costs["timeline"] = per_call(lambda one: timeline.accept(one, speech), list(posteriors[:, None]))
    for name, most in RUNTIMES:
        costs[f"whole chain, {name}"] = per_call(Identifier.load(FOLDER, name).accept, chunks[:most])

    from pipeline import backend

    model = backend.keras().models.load_model(FOLDER / "streaming.keras", compile=False, safe_mode=True)
    few = [frame[None, None] for frame in frames[:SLOW_FRAMES]]
    costs["Keras predict, network alone"] = per_call(lambda frame: model.predict(frame, verbose=0), few)
    costs["Keras eager call, network alone"] = per_call(model, few)

    predict = costs["Keras predict, network alone"]
    for part, seconds in costs.items():
        print(f"{part:32} {seconds * 1e6:10,.1f} µs per frame   {predict / seconds:9,.1f} x predict")
    for chunk_ms in CHUNKS_MS:
        streams, size = [first.stream() for _ in range(N_STREAMS)], RATE_HZ * chunk_ms // 1000
        start = time.perf_counter()
        for at in range(0, RATE_HZ, size):
            for stream in streams:
                stream.accept(audio[at : at + size])
        title = f"streams per core, {chunk_ms} ms at a time"
        print(f"{title:32} {N_STREAMS / (time.perf_counter() - start):10,.0f}")
    before = peak_memory_mb()
    streams = [first.stream() for _ in range(N_STREAMS)]
    for stream in streams:
        stream.accept(audio[:RATE_HZ])
    print(f"{'memory per stream':32} {(peak_memory_mb() - before) / N_STREAMS:10,.2f} MB")


def per_call(function: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Mean seconds per call, after some calls to warm up."""
    for value in inputs[:WARM_UP_CALLS]:
        function(value)
    start = time.perf_counter()
    for value in inputs[WARM_UP_CALLS:]:
        function(value)
    return (time.perf_counter() - start) / len(inputs[WARM_UP_CALLS:])


def peak_memory_mb() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
