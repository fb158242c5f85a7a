"""Runs recordings through the exported network and collects their scores, one by one."""

import csv
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.audio.wav import Wav
from pipeline.dataset import views
from pipeline.rows import SplitRow
from pipeline.scoring import metrics, streaming
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.stability import Stability
from pipeline.streaming.decision import Decision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier


@dataclass(frozen=True)
class RecordingScore:
    """The scores of one recording.

    Attributes
    ----------
    right, weight
        Weight of the correctly classified frames, and of all frames.
    """

    row: SplitRow
    decision: Decision
    stability: Stability
    right: float
    weight: float

    @property
    def predicted(self) -> str:
        """The language of the decision, `undecided` or `unknown`."""
        return self.decision.language or metrics.UNDECIDED


def score(row: SplitRow, wav: Wav, network: OfflineNetwork, identifier: Identifier | None) -> RecordingScore:
    """Score a recording or a piece of one: as a stream that equals the offline network at every frame, or offline.

    Parameters
    ----------
    identifier
        None if the model can't be streamed.

    Raises
    ------
    ExportError
        If the stream differs from the offline network.
    """
    if identifier is None:
        return score_offline(row, network)
    n_frames = network.n_frames(row.recording)
    frames = streaming.frames(identifier, wav, n_frames, functools.partial(network.frames, row.recording))
    scored = score_frames(row, between(frames, *row.frames(n_frames)), network.description)
    if row.pieces > 1:
        return scored
    return dataclasses.replace(scored, decision=identifier.decision)  # the decision that users of the stream get


def score_offline(row: SplitRow, network: OfflineNetwork) -> RecordingScore:
    """Score a recording or a piece of one on its stored features."""
    bounds = row.frames(network.n_frames(row.recording))
    return score_frames(row, between(network.blocks(row.recording), *bounds), network.description)


def score_frames(row: SplitRow, frames: Iterable[Frames], description: Description) -> RecordingScore:
    """Score the frames of a recording, in consecutive pieces of any length."""
    strategy, languages = description.silence.strategy, description.languages
    language = languages.index(row.language)
    decision = Decision(description.classes, languages, description.decision)
    running = Stability(language, len(languages), description.frame_s, description.decision)
    right = weight = 0.0
    for part in frames:
        view = views.view(strategy, part.speech, language, len(languages))
        right += float(view.weights @ (part.posteriors[view.rows].argmax(axis=1) == view.targets))
        weight += float(view.weights.sum())
        speech = np.flatnonzero(part.speech)
        decision.accept(part.posteriors[speech], part.first + speech)
        running.accept(part.posteriors[speech], part.first + speech)
    return RecordingScore(row, decision, running, right, weight)


def between(frames: Iterable[Frames], start: int, stop: int) -> Iterator[Frames]:
    """Frames start:stop of all."""
    for part in frames:
        chosen = slice(max(start - part.first, 0), max(stop - part.first, 0))
        yield Frames(part.first + chosen.start, part.speech[chosen], part.posteriors[chosen])


def write_recordings(path: Path, scores: Iterable[RecordingScore], classes: Sequence[str]) -> None:
    """Write evaluation/recordings.csv: one row per recording, one column of posteriors per class."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *classes])
        for scored in scores:
            numbers = [f"{number:.6f}" for number in (scored.decision.confidence, *scored.decision.posteriors)]
            writer.writerow([scored.row.recording, scored.row.language, scored.predicted, *numbers])
