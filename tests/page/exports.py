"""Exports as far as the page reads them, of networks with random weights: one of every kind that it can run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import checksums
from pipeline.export import onnx_file
from pipeline.mfcc.kernel import make_kernel
from pipeline.network.definition import Architecture
from pipeline.streaming.decision import Rule
from pipeline.streaming.description import FRONT_END
from pipeline.streaming.timeline import Turns
from tests.export import small

HALVES = {"strategy": "mask", "min_speech": 1600.5 / 16000, "min_silence": 801.5 / 16000, "pad": 0.5 / 16000}  # samples
KINDS: dict[str, tuple[Architecture, dict[str, Any]]] = {
    "none, GRU": (small.DESIGNS["none"], {"turns": Turns(turn=1, temperature=3)}),
    "remove, LSTM": (small.DESIGNS["remove"], {"decision": Rule(mean="plain", temperature=0.5, unknown_below=0.4)}),
    "mask, LSTM": (small.design("mask", "lstm", (8, 5), (9,)), {"silence": small.SILENCE.model_copy(update=HALVES)}),
    "label, ensemble": (small.DESIGNS["label"], {"turns": Turns(turn=2, temperature=20)}),
    "cepstra": (replace(small.DESIGNS["mask"], cepstra=7), {}),
}


def write(kind: str, folder: Path) -> Path:
    """Write model.onnx, frontend.npz and streaming.json into a new folder; return it."""
    architecture, changes = KINDS[kind]
    folder.mkdir()
    trained = small.network(architecture)
    described = small.described(architecture.view, trained.count_params())  # type: ignore[arg-type]
    changes = changes | {"states": architecture.states, "classes": architecture.classes}
    described.model_copy(update=changes).write(folder)
    onnx_file.write(trained, architecture, folder / "model.onnx")
    kernel = make_kernel(small.MFCC, small.RATE_HZ)
    np.savez(folder / FRONT_END, window=kernel.window, mel=kernel.mel, cosines=kernel.cosines)
    checksums.seal(folder)
    return folder
