"""Runs the test recordings through the exported network and collects their scores."""

import csv
import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.wav import Wav
from pipeline.dataset import views
from pipeline.scoring import metrics, stability, streaming
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.stability import Stability
from pipeline.streaming.decision import Decision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier
from pipeline.tables import SplitRow


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
        """The language of the decision, or `undecided`."""
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
    n_frames = network.n_frames(row.recording)
    frames = network.blocks(row.recording)
    if identifier is not None:
        offline = functools.partial(network.frames, row.recording)
        frames = streaming.frames(identifier, wav, n_frames, offline)
    scored = score_frames(row, _between(frames, *row.frames(n_frames)), network.description)
    if identifier is None or row.pieces > 1:
        return scored
    return dataclasses.replace(scored, decision=identifier.decision)  # the decision that users of the stream get


def score_frames(row: SplitRow, frames: Iterable[Frames], description: Description) -> RecordingScore:
    """Score the frames of a recording, in consecutive pieces of any length."""
    strategy, languages = description.silence.strategy, description.languages
    language = languages.index(row.language)
    decision = Decision(description.classes, languages)
    running = Stability(language, len(languages), description.frame_s)
    right = weight = 0.0
    for part in frames:
        view = views.view(strategy, part.speech, language, len(languages))
        right += float(view.weights @ (part.posteriors[view.rows].argmax(axis=1) == view.targets))
        weight += float(view.weights.sum())
        speech = np.flatnonzero(part.speech)
        decision.accept(part.posteriors[speech], part.first + speech)
        running.accept(part.posteriors[speech], part.first + speech)
    return RecordingScore(row, decision, running, right, weight)


def _between(frames: Iterable[Frames], start: int, stop: int) -> Iterator[Frames]:
    """Frames start:stop of all."""
    for part in frames:
        chosen = slice(max(start - part.first, 0), max(stop - part.first, 0))
        yield Frames(part.first + chosen.start, part.speech[chosen], part.posteriors[chosen])


def summary(
    scores: Sequence[RecordingScore], drift: Mapping[str, Sequence[float]], description: Description
) -> dict[str, Any]:
    """The content of evaluation/metrics.json: scores over all recordings, rounded to 6 digits.

    Parameters
    ----------
    drift
        Frame accuracy by language and minute, without a reset.
    """
    languages = description.languages
    actual, predicted = [scored.row.language for scored in scores], [scored.predicted for scored in scores]
    posteriors = np.array([scored.decision.posteriors for scored in scores])[:, : len(languages)]
    tree = {
        "frame_accuracy": sum(scored.right for scored in scores) / sum(scored.weight for scored in scores),
        **metrics.score(actual, predicted, posteriors, languages),
        "recordings": len(scores),
        "speakers": len({scored.row.speaker for scored in scores}),
        "stream": stability.summary([scored.stability for scored in scores], description.frame_s)
        | {"drift_by_minute": drift},
    }
    rounded: dict[str, Any] = json.loads(json.dumps(tree), parse_float=lambda number: round(float(number), 6))
    return rounded


def table(scores: Sequence[RecordingScore], languages: Sequence[str]) -> tuple[list[str], list[list[object]]]:
    """The confusion matrix with the recall of each language, as a header and rows to show."""
    actual, predicted = [scored.row.language for scored in scores], [scored.predicted for scored in scores]
    counts, recall = metrics.confusion(actual, predicted, languages), metrics.recalls(actual, predicted, languages)
    rows: list[list[object]] = [
        [language, *counts[language].values(), f"{recall[language]:.1%}"] for language in languages
    ]
    return ["actual \\ predicted", *counts[languages[0]], "recall"], rows


def write_recordings(path: Path, scores: Iterable[RecordingScore], classes: Sequence[str]) -> None:
    """Write evaluation/recordings.csv: one row per recording, one column of posteriors per class."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *classes])
        for scored in scores:
            numbers = [f"{number:.6f}" for number in (scored.decision.confidence, *scored.decision.posteriors)]
            writer.writerow([scored.row.recording, scored.row.language, scored.predicted, *numbers])
