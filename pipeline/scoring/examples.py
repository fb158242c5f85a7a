"""Test recordings to show: right, wrong and nearly silent ones, with the answer to every frame."""

import csv
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.rows import ExampleRow, Why
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.offline import OfflineNetwork

EACH = 3  # right answers, and wrong answers
EXCERPT_S = 15.0  # from the beginning


def choose(scores: Sequence[RecordingScore]) -> list[tuple[Why, RecordingScore]]:
    """Choose right answers of typical confidence, wrong ones of high confidence, and the recording with least speech.

    Languages take turns, so that every language with such answers is shown.
    """
    right = [scored for scored in scores if scored.predicted == scored.row.language]
    wrong = [scored for scored in scores if scored.predicted != scored.row.language]
    typical = float(np.median([scored.decision.confidence for scored in right] or [0.0]))
    chosen: list[tuple[Why, RecordingScore]] = []
    chosen += [("right", scored) for scored in _in_turn(right, lambda one: abs(one.decision.confidence - typical))]
    chosen += [("wrong", scored) for scored in _in_turn(wrong, lambda one: -one.decision.confidence)]
    taken = {id(scored) for _, scored in chosen}
    others = [scored for scored in scores if id(scored) not in taken]
    if others:
        chosen.append(("silent", min(others, key=lambda one: one.decision.frames / one.row.duration_s)))
    return chosen


def _in_turn(scores: Iterable[RecordingScore], key: Callable[[RecordingScore], float]) -> list[RecordingScore]:
    """Return the first few by a key, with the languages taking turns."""
    by_language: dict[str, list[RecordingScore]] = {}
    for scored in sorted(scores, key=key):
        by_language.setdefault(scored.row.language, []).append(scored)
    rounds = itertools.zip_longest(*(by_language[name] for name in sorted(by_language)))
    return [scored for scored in itertools.chain.from_iterable(rounds) if scored][:EACH]


def write(folder: Path, chosen: Iterable[tuple[Why, RecordingScore]], network: OfflineNetwork) -> list[ExampleRow]:
    """Write frames.csv, one row per frame of the part that is shown of each; return the parts."""
    frame_s, rows = network.description.frame_s, []
    with (folder / "frames.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "frame", "time_s", "speech", *network.description.classes])
        for why, scored in chosen:
            recording = scored.row.recording
            stop = min(network.n_frames(recording), round(EXCERPT_S / frame_s))
            rows.append(ExampleRow(recording, why, round(stop * frame_s, 6)))
            writer.writerows([recording, *cells] for cells in network.frames(recording, 0, stop).cells(frame_s))
    return rows
