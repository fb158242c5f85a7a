#!/usr/bin/env python3
"""Test the streaming model on a folder of recordings.

    pip install -r requirements.txt
    python test_model.py FOLDER [--labels labels.csv] [--frames out/] [--keras]

Prints one row of CSV per recording: file, language, confidence and the posterior of every class. `--labels` names a CSV
of file and label, for the accuracy; `--frames` writes the posteriors of every frame; `--keras` needs TensorFlow.

This file needs the folder model/ and pipeline.zip next to it, and the packages in requirements.txt. pipeline.zip is
the Python package that made the model: its `Identifier` finds the speech, computes the MFCCs and decides.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "pipeline.zip"))  # only in the archive

from pipeline import files, names  # noqa: E402
from pipeline.audio.decode import decode  # noqa: E402
from pipeline.console.text import printable  # noqa: E402
from pipeline.corpus.paths import recordings  # noqa: E402
from pipeline.corpus.spreadsheet import Table  # noqa: E402
from pipeline.errors import AudioError, CorpusError  # noqa: E402
from pipeline.streaming.identifier import Frames, Identifier  # noqa: E402

MODEL = HERE / "model"
LABELS: dict[int, str] = {}  # the integers of labels.csv


def reset_states(model: Any) -> None:
    """Reset every layer of streaming.keras: Keras 3 has such a method for layers, but none for models."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


def labels_of(path: Path) -> dict[str, str]:
    """Return the language of every file of a table with the columns file and label; empty if its label is."""

    def skip(line: int, fault: str) -> None:
        print(f"error: {printable(path)}: line {line} {fault}", file=sys.stderr)

    table, labels = Table(path, str(path), "it should have the columns file and label", skip), dict[str, str]()
    for _, row in table.rows(["file", "label"]):
        file, label = names.normal(row["file"].replace("\\", "/")).removeprefix("./"), names.normal(row["label"])
        name = LABELS.get(int(label)) if label.isdecimal() else label
        if name is None:
            raise CorpusError(f"{path}: label {label} of {file} is none of {LABELS}")
        if labels.setdefault(file, name) != name:
            raise CorpusError(f"{path}: {file} has the labels {labels[file]} and {name}; remove the wrong line")
    return labels


def write_frames(path: Path, stream: Identifier, frames: list[Frames]) -> None:
    """Write the posteriors of every frame as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["frame", "time_s", "speech", *stream.description.classes])
    for part in frames:
        rows.writerows(part.cells(stream.frame_s))
    files.replace(path, text.getvalue().encode())


def main() -> int:
    """Answer every recording of a folder; return 0 if all could be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, help="CSV of file and label: print the accuracy")
    parser.add_argument("--frames", type=Path, help="folder for the posteriors of every frame")
    parser.add_argument("--keras", action="store_true", help="run streaming.keras (needs TensorFlow)")
    asked = parser.parse_args()
    found = sorted(Path(name).as_posix() for name, _ in recordings(asked.folder, ".", Counter()) if name != ".")
    if not found:
        parser.error(f"{printable(asked.folder)} holds no recording")
    try:
        labels = labels_of(asked.labels) if asked.labels else {}
    except CorpusError as error:
        parser.error(printable(error))
    identifier = Identifier.load(MODEL, "keras" if asked.keras else "litert")
    rows, right, labelled, status = csv.writer(sys.stdout, lineterminator="\n"), 0, 0, 0
    rows.writerow(["file", "language", "confidence", *identifier.description.classes])
    for name in found:
        try:
            decoded = decode(asked.folder / name)
            stream = identifier.stream(decoded.sample_rate)
            frames = [*(stream.accept(block) for block in decoded.mono), stream.finish()]
        except AudioError as error:  # the other files are still answered
            print(f"error: {printable(name)}: {printable(error)}", file=sys.stderr)
            status = 2
            continue
        if asked.frames:
            write_frames(asked.frames / f"{name}.csv", stream, frames)
        decision, shown = stream.decision, printable(name)
        posteriors = [f"{posterior:.6f}" if decision.frames else "" for posterior in decision.posteriors]
        path = f"./{shown}" if shown[0] in "=+-@" else shown  # not a formula for a spreadsheet
        rows.writerow([path, decision.language or "", f"{decision.confidence:.6f}", *posteriors])
        sys.stdout.flush()
        keys = [names.normal(key) for key in (name, name.removesuffix(Path(name).suffix))]
        if label := next(filter(None, map(labels.get, keys)), None):
            labelled, right = labelled + 1, right + (label.casefold() == (decision.language or "").casefold())
    if asked.labels:
        share = f"{right / labelled:.1%}" if labelled else "not known"
        without = f"; {len(found) - labelled} without a label or not readable" if labelled < len(found) else ""
        print(f"accuracy: {share}, {right} of {labelled} recordings{without}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
