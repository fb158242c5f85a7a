#!/usr/bin/env python3
"""Test the streaming model on a folder of recordings.

    pip install -r requirements.txt
    python test_model.py FOLDER [--labels labels.csv] [--frames out/] [--keras]

Prints one row of CSV per recording: file, language, confidence and the posterior of every class. `--labels` names a CSV
of file and label, for the accuracy; `--frames` writes the posteriors of every frame; `--keras` needs TensorFlow.

This file needs nothing but the folder model/ next to it and the packages in requirements.txt. It follows
model/streaming.json, which describes everything around the network: the MFCCs, the rule for silence and the decision.
"""

import argparse
import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import soundfile
import soxr

MODEL = Path(__file__).resolve().parent / "model"
LABELS: dict[int, str] = {}  # the integers of labels.csv
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
OF_SYSTEMS = re.compile(r"[.]|(__macosx|@eadir|#recycle|[$]recycle.bin|system volume information|lost[+]found)$", re.I)
BLOCK_FRAMES = 1000  # processed at a time
FULL_SCALE = 32768  # 16-bit steps
WAIT_S = 0.02  # that SoX waits before it starts or stops; also the window of its level


class LiteRt:
    """model.tflite: one frame and the states in, the posterior and the next states out."""

    def __init__(self, states: dict[str, int]) -> None:
        with quiet():
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(str(MODEL / "model.tflite"), num_threads=1)
            interpreter.allocate_tensors()
            self._step = interpreter.get_signature_runner()
        self._lengths = states
        self.reset_states()

    def posteriors(self, frames: np.ndarray) -> np.ndarray:  # of the next frames: (frames, n_mfcc) to (frames, classes)
        return np.array([self._next(frame) for frame in frames])

    def reset_states(self) -> None:
        self._states = {name: np.zeros((1, length), np.float32) for name, length in self._lengths.items()}

    def _next(self, frame: np.ndarray) -> np.ndarray:
        answer = self._step(frame=frame[None, None], **self._states)
        self._states = {name: answer[f"next_{name}"] for name in self._states}
        return np.asarray(answer["posterior"][0, 0])


class Keras:
    """streaming.keras: the layers keep the states."""

    def __init__(self) -> None:
        with quiet():
            import keras

            self._model = keras.models.load_model(MODEL / "streaming.keras", compile=False, safe_mode=True)

    def posteriors(self, frames: np.ndarray) -> np.ndarray:
        return np.asarray(self._model(frames[None])[0])

    def reset_states(self) -> None:
        reset_states(self._model)


def reset_states(model: Any) -> None:
    """Reset every layer of streaming.keras: Keras 3 has such a method for layers, but none for models."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


@contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries of C++ print while they are loaded."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def read(path: Path, rate: int) -> np.ndarray:
    """A recording as 16-bit samples at one rate: the mean of its channels, resampled."""
    audio, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1, dtype=np.float32)
    mono = mono if own_rate == rate else soxr.resample(mono, own_rate, rate)
    return rounded(mono * FULL_SCALE)


def rounded(audio: np.ndarray) -> np.ndarray:
    """Samples in steps of 16 bits; anything beyond full scale is clipped."""
    return np.asarray(np.clip(np.rint(audio), -FULL_SCALE, FULL_SCALE - 1), np.int16)


def mfcc(samples: np.ndarray, hop: int, kernel: Any) -> Iterator[np.ndarray]:
    """librosa's MFCCs in blocks, each of shape (frames, n_mfcc); frame t is centred on sample t * hop."""
    window, half = kernel["window"], len(kernel["window"]) // 2
    padded = np.pad(samples / np.float32(FULL_SCALE), half)
    padded = np.pad(padded, (0, max(0, len(window) - len(padded))))
    every = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop][: 1 + len(samples) // hop]
    for at in range(0, len(every), BLOCK_FRAMES):
        power = np.abs(np.fft.rfft(every[at : at + BLOCK_FRAMES] * window)) ** 2
        decibels = 10 * np.log10(np.maximum(power @ kernel["mel"], 1e-10))
        yield (decibels @ kernel["cosines"]).astype(np.float32)


def speech_flags(samples: np.ndarray, rate: int, hop: int, silence: dict[str, Any]) -> np.ndarray:
    """Flag the frames whose middle sample is speech, shape (frames,)."""
    level = amplified(samples, rate) if silence["automatic_gain"] else samples
    spans: list[list[int]] = []
    for start, end in sox_spans(level, rate, silence["threshold"]):
        if spans and start - spans[-1][1] < max(1, round(silence["min_silence"] * rate)):
            spans[-1][1] = end
        else:
            spans.append([start, end])
    pad = round(silence["pad"] * rate)
    middle = np.minimum(np.arange(1 + len(samples) // hop) * hop, max(len(samples) - 1, 0))
    flags = np.zeros(len(middle), bool)
    for start, end in spans:
        if end - start >= round(silence["min_speech"] * rate):
            flags |= (middle >= start - pad) & (middle < end + pad)
    return flags


def sox_spans(samples: np.ndarray, rate: int, threshold: float) -> list[tuple[int, int]]:
    """The samples that SoX keeps: `silence 1 0.02 T% -1 0.02 T%`, whose level is the RMS of the last 20 ms."""
    window, wait = rate // 50, int(WAIT_S * rate + 0.5)
    total = np.concatenate([[0], np.cumsum(samples.astype(np.int64) ** 2)])

    def above(energy: np.ndarray) -> bytes:
        level = np.floor(np.sqrt(energy * 2.0**32 / window))  # SoX's samples have 32 bits
        percent = level // 128 * 128 / (2**31 - 1) * 100
        return np.uint8((percent > round(threshold, 6)) & (energy < window * FULL_SCALE**2)).tobytes()

    loud = bytearray(above(total[1:] - total[np.maximum(np.arange(1, len(total)) - window, 0)]))
    edges, run, keeps = [], 0, False
    for at in range(len(samples)):
        run = run + 1 if loud[at] != keeps else 0
        if run == wait:
            keeps, run = not keeps, 0
            edges.append(at + 1 - wait)
            if not keeps:  # SoX resets the level when it stops
                loud[at + 1 : at + 1 + window] = above(total[at + 2 : at + 2 + window] - total[at + 1])
    if keeps:
        edges.append(len(samples))
    return list(zip(edges[::2], edges[1::2], strict=True))


def amplified(samples: np.ndarray, rate: int) -> np.ndarray:
    """The recording behind the automatic gain, as the rule for silence hears it."""
    block = rate // 50
    energies = (samples[: len(samples) // block * block].reshape(-1, block).astype(np.int64) ** 2).sum(axis=1)
    target = FULL_SCALE**2 * 10 ** (-20 / 10) * block
    first = np.sort(energies[: 2 * rate // block])[::-1]
    loudest = int(first[len(first) // 21]) if len(first) else 0
    gain_db = min(max(10 * math.log10(target / max(loudest, 1)), -20.0), 40.0)
    gains = [10 ** (gain_db / 20)]
    for energy in energies.tolist():
        gain_db += -0.1 if energy * gains[-1] ** 2 > target else 0.005
        gain_db = min(max(gain_db, -20.0), 40.0)
        gains.append(10 ** (gain_db / 20))
    return rounded(samples * np.repeat(gains, block)[: len(samples)])


def answer(path: Path, model: LiteRt | Keras, about: dict[str, Any], kernel: Any) -> tuple[np.ndarray, np.ndarray]:
    """Speech flags, shape (frames,), and posteriors, shape (frames, classes); NaN where the network sees nothing."""
    rate, hop = about["sample_rate"], about["mfcc"]["hop_length"]
    samples = read(path, rate)
    speech = speech_flags(samples, rate, hop, about["silence"])
    seen = speech | (about["silence"]["strategy"] != "remove")
    posteriors = np.full((len(speech), len(about["classes"])), np.nan)
    at = 0
    for block in mfcc(samples, hop, kernel):
        shown = slice(at, at + len(block))
        if seen[shown].any():
            posteriors[shown][seen[shown]] = model.posteriors(block[seen[shown]])
        at += len(block)
    model.reset_states()  # the next recording begins without a memory of this one
    return speech, posteriors


def decision(speech: np.ndarray, posteriors: np.ndarray, rule: dict[str, Any]) -> np.ndarray | None:
    """Posteriors of the whole recording from those of its speech frames, shape (classes,); None without speech."""
    if not speech.any():
        return None
    likely = np.maximum(posteriors[speech], 1e-10)
    mean = np.log(likely).mean(axis=0) if rule["mean"] == "log" else np.log(likely.mean(axis=0))
    odds = np.exp((mean - mean.max()) / rule["temperature"])
    return np.asarray(odds / odds.sum())


def labels_of(path: Path) -> dict[str, str | None]:
    """The language of every file of a table with the columns file and label; empty if its label is."""
    content = path.read_bytes()
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "surrogateescape")
    lines = [line for line in io.StringIO(normalize("NFC", text), newline=None) if line.strip(" ,;\t\n")] or [""]
    header, *rows = csv.reader(lines, delimiter=max(",;\t", key=lines[0].count))
    names = [name.strip().casefold() for name in header]
    if not rows or not {"file", "label"} <= set(names):
        raise ValueError(f"{path} should have the columns file and label, and a row per recording")
    labels = {}
    for row in rows:
        cells = dict(zip(names, map(str.strip, row), strict=False))
        file, label = cells.get("file", "").replace("\\", "/"), cells.get("label", "")
        labels[file.removeprefix("./")] = name = LABELS.get(int(label)) if label.isdecimal() else label
        if name is None:
            raise ValueError(f"{path}: label {label} of {file} is none of {LABELS}")
    return labels


def printable(name: str) -> str:
    """A file's name without characters that control a terminal, and not a formula for a spreadsheet."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in name)
    return f"./{shown}" if shown[0] in "=+-@" else shown


def write_frames(path: Path, about: dict[str, Any], speech: np.ndarray, posteriors: np.ndarray) -> None:
    """Write the posteriors of every frame as CSV."""
    hop_s = about["mfcc"]["hop_length"] / about["sample_rate"]
    lines = [["frame", "time_s", "speech", *about["classes"]]]
    for frame, (flag, row) in enumerate(zip(speech, posteriors, strict=True)):
        numbers = ("" if math.isnan(posterior) else f"{posterior:.6f}" for posterior in row)
        lines.append([f"{frame},{frame * hop_s:.3f},{flag:d}", *numbers])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a link to another file
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8", newline="")


def main() -> int:
    """Answer every recording of a folder; 0 if all could be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, help="CSV of file and label: print the accuracy")
    parser.add_argument("--frames", type=Path, help="folder for the posteriors of every frame")
    parser.add_argument("--keras", action="store_true", help="run streaming.keras (needs TensorFlow)")
    asked = parser.parse_args()
    found = (path for path in asked.folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    files = sorted(path for path in found if not any(map(OF_SYSTEMS.match, path.relative_to(asked.folder).parts)))
    if not files:
        parser.error(f"{printable(str(asked.folder))} holds no file of {', '.join(SUFFIXES)}")
    try:
        labels = labels_of(asked.labels) if asked.labels else {}
    except (OSError, ValueError, csv.Error) as error:
        parser.error(printable(str(error)))
    about = json.loads((MODEL / "streaming.json").read_text(encoding="utf-8"))
    classes, languages, rule = about["classes"], about["languages"], about["decision"]
    kernel = dict(np.load(MODEL / "frontend.npz", allow_pickle=False))
    model = Keras() if asked.keras else LiteRt(about["states"])
    rows, right, labelled, status = csv.writer(sys.stdout, lineterminator="\n"), 0, 0, 0
    rows.writerow(["file", "language", "confidence", *classes])
    for path in files:
        name = path.relative_to(asked.folder).as_posix()
        try:
            speech, posteriors = answer(path, model, about, kernel)
        except (OSError, RuntimeError, ValueError) as error:  # the other files are still answered
            print(f"error: {printable(name)}: {printable(str(error))}", file=sys.stderr)
            status = 2
            continue
        if asked.frames:
            write_frames(asked.frames / f"{name}.csv", about, speech, posteriors)
        whole, language, confidence = decision(speech, posteriors, rule), "", 0.0
        if whole is not None:  # one of the languages: silence, if it is a class, is no answer
            confidence = float(whole[: len(languages)].max())
            language = languages[int(whole[: len(languages)].argmax())]
            language = "unknown" if confidence < rule["unknown_below"] else language
        cells = [""] * len(classes) if whole is None else [f"{posterior:.6f}" for posterior in whole]
        rows.writerow([printable(name), language, f"{confidence:.6f}", *cells])
        sys.stdout.flush()
        keys = [normalize("NFC", key) for key in (name, name.removesuffix(path.suffix))]
        label = next(filter(None, map(labels.get, keys)), None)
        labelled, right = labelled + (label is not None), right + (label == language)
    if asked.labels:
        share = f"{right / labelled:.1%}" if labelled else "not known"
        without = f"; {len(files) - labelled} without a label or not readable" if labelled < len(files) else ""
        print(f"accuracy: {share}, {right} of {labelled} recordings{without}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
